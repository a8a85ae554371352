"""Latents of the clips, on the training device, in half precision; made while others are being trained on."""

import time
from dataclasses import dataclass

import parts
import torch
from clips import Clips, pixels, unpacked
from diffusers import AutoencoderKLWan
from quick import encoded, settle, way
from torch import Tensor
from torch.nn import functional

STILLS = 3
"""Frames of each clip that are encoded alone as well, at random times; the first one is the clip's first."""
MARGIN = 512
"""The oldest clips of the ring, which may be overwritten at any moment."""


@dataclass
class Batch:
    """Normalised latents [B, C, T, h, w], how much the object covers there [B, 1, T, h, w], tokens."""

    latents: Tensor
    cover: Tensor
    ids: Tensor


class Store:
    """Grows by `add`; every clip once as it is and, as long as no new ones wait, mirrored.

    Attributes:
        count: Clips that are encoded.
        seconds: What one of the first took, as `fill` measured it.
    """

    def __init__(self, clips: Clips, vae: AutoencoderKLWan, faster: str, room: int) -> None:
        self.clips, self.vae, self.faster, self.room = clips, vae, faster, room
        self.mean, self.std = statistics(vae)
        size = parts.CHANNELS, parts.LATENT_FRAMES, parts.LATENT_SIZE, parts.LATENT_SIZE
        still = STILLS, parts.CHANNELS, parts.LATENT_SIZE, parts.LATENT_SIZE
        device = clips.device
        self.latents = torch.empty(room, *size, dtype=torch.float16, device=device)
        self.stills = torch.empty(room, *still, dtype=torch.float16, device=device)
        self.cover = torch.empty(room, 1, *size[1:], dtype=torch.uint8, device=device)
        self.still_cover = torch.empty(room, *still[:1], *still[2:], dtype=torch.uint8, device=device)
        self.scene = torch.empty(room, dtype=torch.long, device=device)
        self.count = self.mirrored = 0
        self.seconds = 0.0

    def fill(self, count: int, piece: int) -> None:
        """Encodes so many clips, if there are that many, and takes the time, but for the first piece."""
        self.add(piece)
        settle(self.clips.device)
        begin, before = time.monotonic(), self.count
        while self.count < count and self.add(piece):
            pass
        settle(self.clips.device)
        self.seconds = (time.monotonic() - begin) / max(self.count - before, 1)

    def add(self, most: int) -> bool:
        """Encodes up to so many clips, new ones first; False if there was nothing to do."""
        clips = self.clips
        if self.count + most > self.room:
            clips.read = clips.count
            return False
        first, mirrored = (clips.read, False) if clips.read < clips.count else (self.mirrored, True)
        first = max(first, clips.count - clips.room + MARGIN) if mirrored else first
        last = min(first + most, clips.count)
        if first >= last:
            return False
        numbers = torch.arange(first, last, device=clips.device)
        rows = numbers % clips.room
        frames, masks = pixels(clips.frames[rows]), unpacked(clips.bits[rows])
        if mirrored:
            frames, masks = frames.flip(-1), masks.flip(-1)
        self._encode(frames, masks, numbers)
        if mirrored:
            self.mirrored = last
        else:
            clips.read = last
        return True

    @torch.no_grad()
    def _encode(self, frames: Tensor, masks: Tensor, numbers: Tensor) -> None:
        span = slice(self.count, self.count + len(frames))
        times = torch.randint(1, parts.FRAMES, (STILLS,)).tolist()
        alone = frames[:, :, times].transpose(1, 2).flatten(0, 1)[:, :, None]
        with way(self.vae, self.faster), torch.autocast(frames.device.type, torch.bfloat16):
            whole, single = (encoded(self.vae, x).chunk(2, dim=1)[0].float() for x in (frames, alone))
        self.latents[span] = ((whole - self.mean) / self.std).half()
        self.stills[span] = ((single - self.mean) / self.std)[:, :, 0].unflatten(0, (-1, STILLS)).half()
        covered = functional.avg_pool3d(masks, (1, 8, 8))
        first, rest = covered[:, :, :1], functional.avg_pool3d(covered[:, :, 1:], (4, 1, 1))
        self.cover[span] = (torch.cat([first, rest], dim=2) * 255).to(torch.uint8)
        self.still_cover[span] = (covered[:, 0, times] * 255).to(torch.uint8)
        self.scene[span] = numbers
        self.count += len(frames)

    def draw(self, count: int) -> Batch:
        """Random clips."""
        rows = torch.randint(self.count, (count,), device=self.clips.device)
        return Batch(self.latents[rows].float(), self.cover[rows].float() / 255, self._ids(rows))

    def draw_stills(self, count: int) -> Batch:
        """Random single frames."""
        rows = torch.randint(self.count, (count,), device=self.clips.device)
        which = torch.randint(STILLS, (count,), device=self.clips.device)
        latents, cover = self.stills[rows, which], self.still_cover[rows, which]
        return Batch(latents.float()[:, :, None], cover.float()[:, None, None] / 255, self._ids(rows))

    def _ids(self, rows: Tensor) -> Tensor:
        words = self.clips.words[self.scene[rows]]
        which = torch.randint(words.shape[1], (len(rows),), device=words.device)
        return words[torch.arange(len(rows), device=words.device), which].long()


def statistics(vae: AutoencoderKLWan) -> tuple[Tensor, Tensor]:
    """Mean and spread of the latents' channels, [1, C, 1, 1, 1]."""
    values = torch.tensor([vae.config.latents_mean, vae.config.latents_std], device=vae.device)
    mean, std = values.view(2, 1, -1, 1, 1, 1)
    return mean, std
