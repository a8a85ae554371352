"""HDR (PQ and HLG, ITU-R BT.2100) as SDR, for networks, which know no other, and for formats without tags."""

import logging
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..typing import Frames
from .clip import Wrapped
from .colour import Colour
from .video import Video

log = logging.getLogger(__name__)

_PQ, _HLG, _BT2020 = 16, 18, 9
_WHITE = 203.0
"""Candela per square metre of diffuse white (ITU-R BT.2408)."""
_HLG_PEAK, _HLG_GAMMA = 1000.0, 1.2
_KNEE = 0.6
"""From this share of white on, highlights are compressed: all of them have room above it."""
# BT.2020 to BT.709 primaries, in linear light (ITU-R BT.2087).
_TO_709 = torch.tensor(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], dtype=torch.float32
)
_LUMA = torch.tensor([0.2627, 0.6780, 0.0593])


def is_hdr(video: Video) -> bool:
    """Whether a video's levels are those of PQ or HLG."""
    return video.colour.transfer in (_PQ, _HLG)


def as_sdr(video: Video, *, why: str) -> Video:
    """The same video in SDR with BT.709's tags, and a line in the log that says so; SDR stays as it is."""
    if not is_hdr(video):
        return video
    kind = "PQ" if video.colour.transfer == _PQ else "HLG"
    log.warning("the video is HDR (%s); it is tone-mapped to SDR %s", kind, why)
    return replace(video, clip=ToneMapped(video.clip, video.colour), colour=Colour())


@dataclass(frozen=True, eq=False)
class ToneMapped(Wrapped):
    """A clip in HDR, whose frames are tone-mapped when they are read."""

    colour: Colour

    def read(self, start: int, stop: int) -> Frames:
        frames = self.clip.read(start, stop)
        light = _from_pq(frames) if self.colour.transfer == _PQ else _from_hlg(frames)
        light = light / _WHITE
        if self.colour.primaries == _BT2020:
            light = torch.einsum("ij,fjhw->fihw", _TO_709.to(light), light).clamp_min(0)
        # One factor for all three, by the brightest, keeps the hue.
        peak = light.amax(1, keepdim=True).clamp_min(1e-6)
        return _encoded(light * (_compressed(peak) / peak)).clamp(0, 1)


def _from_pq(levels: Tensor) -> Tensor:
    """Light in cd/m² (SMPTE ST 2084)."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = levels.clamp(0, 1) ** (1 / m2)
    return 10000 * ((power - c1).clamp_min(0) / (c2 - c3 * power)) ** (1 / m1)


def _from_hlg(levels: Tensor) -> Tensor:
    """Light in cd/m² on a display of 1000 (ITU-R BT.2100, table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = torch.where(levels <= 0.5, levels**2 / 3, (torch.exp((levels - c) / a) + b) / 12)
    luma = torch.einsum("j,fjhw->fhw", _LUMA.to(scene), scene)[:, None].clamp_min(1e-9)
    return _HLG_PEAK * luma ** (_HLG_GAMMA - 1) * scene


def _compressed(light: Tensor) -> Tensor:
    """Shares of white: kept up to the knee, then ever less, below 1."""
    room = 1 - _KNEE
    return torch.where(light <= _KNEE, light, 1 - room * torch.exp(-(light - _KNEE) / room))


def _encoded(light: Tensor) -> Tensor:
    """Levels of sRGB (IEC 61966-2-1)."""
    return torch.where(light <= 0.0031308, 12.92 * light, 1.055 * light.clamp_min(1e-9) ** (1 / 2.4) - 0.055)
