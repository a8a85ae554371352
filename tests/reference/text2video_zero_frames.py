"""How the original loads videos, and what its preprocessing made of them.

rescene keeps all frames, resizes with a bicubic filter and converts colours without shortcuts; the original's
choice of frames, bilinear filter and colours are put in here.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from rescene import Video
from rescene.controls import Canny
from tests.reference.result import Result

STRIDE = 64
LOGOS = {"wm_pair_watermark", "wm_t2v-z_watermark"}
"""Frames with logos that aren't rescene's to draw; it labels frames with a text instead."""


def run(root: Path, models: Path, name: str, case: Mapping[str, Any], tolerance: float) -> Iterator[Result]:
    """Compares preprocessed frames: resized, picked by rate, edges."""
    small, square = root / "clip600x400_8fps.mp4", root / "clip512.mp4"
    pose = whole(loaded(small, 128, fps=case["fps_pose"])).frames
    ours = {
        "resized128_all": loaded(small, 128),
        "ip2p128_0.3to0.9_fps5": loaded(small, 128, fps=case["fps_ip2p"], start=0.3, end=0.9) / 127.5 - 1,
        "pose128_fps4_control": pose,
        "depth128_nodetect_control": pose,
        "canny128_edges_u8_50_150": edges(loaded(small, 128), low=50, high=150),
        "canny512_edges_u8": edges(loaded(square, 512)),
    }
    for key, theirs in load_file(root / f"{name}.safetensors").items():
        if key in LOGOS:
            continue
        if key not in ours:
            raise ValueError(f"{name} recorded {key}, which is of an unknown kind")
        yield Result.of(f"{name}/{key}", ours[key], theirs.float(), 255 * tolerance)


def loaded(
    path: Path, resolution: int, *, fps: int | None = None, start: float = 0.0, end: float | None = None
) -> Tensor:
    """Frames in [0, 255], as the original picks and resizes them; not whole numbers."""
    frames, rate = decoded(path)
    fps = int(rate) if fps is None else fps
    end = len(frames) / rate if end is None else min(len(frames) / rate, end)
    first, last, count = int(start * rate), int(end * rate), int((end - start) * fps)
    frames = frames[torch.linspace(first, last, count + 1, dtype=torch.float64)[:-1].long()]
    scale = resolution / max(frames.shape[-2:])
    height, width = (round(side * scale / STRIDE) * STRIDE for side in frames.shape[-2:])
    if (height, width) == frames.shape[-2:]:
        return frames
    return F.interpolate(frames, (height, width), mode="bilinear", antialias=True)


def decoded(path: Path) -> tuple[Tensor, float]:
    """All frames, their colours converted as FFmpeg does by default, and their rate."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float(), float(stream.average_rate or 0)


def whole(frames: Tensor) -> Video:
    """Frames cut off to whole numbers, as controls are given them."""
    return Video.of(frames.clamp(0, 255).byte(), 8)


def edges(frames: Tensor, *, low: int = 100, high: int = 200) -> Tensor:
    """One channel of the edges, from 0 to 255."""
    return Canny(low=low, high=high)(whole(frames)).frames[:, 0] * 255
