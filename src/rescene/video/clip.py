"""Frames that are read in runs, so that a long clip never has to be in memory at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor

from ..typing import Frames


@runtime_checkable
class Clip(Protocol):
    """A row of equally sized frames. Reading onwards is cheap; reading backwards may decode again."""

    @property
    def height(self) -> int: ...

    @property
    def width(self) -> int: ...

    def __len__(self) -> int: ...

    def read(self, start: int, stop: int) -> Frames:
        """Frames `start` to `stop - 1` as float32 in [0, 1]."""
        ...


@dataclass(frozen=True, eq=False)
class TensorClip:
    """Frames in memory; 8-bit ones stay 8-bit and take a quarter of the room."""

    pixels: UInt8[Tensor, "F 3 H W"] | Frames

    @property
    def height(self) -> int:
        return self.pixels.shape[-2]

    @property
    def width(self) -> int:
        return self.pixels.shape[-1]

    def __len__(self) -> int:
        return len(self.pixels)

    def read(self, start: int, stop: int) -> Frames:
        frames = self.pixels[start:stop]
        return frames.float() / 255 if frames.dtype == torch.uint8 else frames.float()


@dataclass(frozen=True, eq=False)
class Wrapped:
    """A clip made of another one: of its size and length, where a subclass doesn't say otherwise."""

    clip: Clip

    @property
    def height(self) -> int:
        return self.clip.height

    @property
    def width(self) -> int:
        return self.clip.width

    def __len__(self) -> int:
        return len(self.clip)


@dataclass(frozen=True, eq=False)
class Picked(Wrapped):
    """Some frames of a clip, in any order: a cut, every n-th frame, or those shown at some moments."""

    frames: Sequence[int]

    def __len__(self) -> int:
        return len(self.frames)

    def read(self, start: int, stop: int) -> Frames:
        frames = self.frames[start:stop]
        if isinstance(frames, range) and frames.step == 1:
            return self.clip.read(frames.start, frames.stop)
        return torch.cat([self.clip.read(frame, frame + 1) for frame in frames])


@dataclass(frozen=True, eq=False)
class Joined:
    """Clips of one size, one after the other."""

    clips: Sequence[Clip]

    @property
    def height(self) -> int:
        return self.clips[0].height

    @property
    def width(self) -> int:
        return self.clips[0].width

    def __len__(self) -> int:
        return sum(map(len, self.clips))

    def read(self, start: int, stop: int) -> Frames:
        parts: list[Frames] = []
        for clip in self.clips:
            first, last = max(start, 0), min(stop, len(clip))
            if first < last:
                parts.append(clip.read(first, last))
            start, stop = start - len(clip), stop - len(clip)
        return torch.cat(parts)


@dataclass(frozen=True, eq=False)
class Resized:
    """A clip at another size: bicubic, antialiased when it shrinks."""

    clip: Clip
    height: int
    width: int

    def __len__(self) -> int:
        return len(self.clip)

    def read(self, start: int, stop: int) -> Frames:
        frames, size = self.clip.read(start, stop), (self.height, self.width)
        return F.interpolate(frames, size, mode="bicubic", antialias=True).clamp(0, 1)


@dataclass(frozen=True, eq=False)
class Cropped:
    """The part of each frame whose upper left corner is (`top`, `left`)."""

    clip: Clip
    top: int
    left: int
    height: int
    width: int

    def __len__(self) -> int:
        return len(self.clip)

    def read(self, start: int, stop: int) -> Frames:
        frames = self.clip.read(start, stop)
        return frames[..., self.top : self.top + self.height, self.left : self.left + self.width]


@dataclass(frozen=True, eq=False)
class Padded:
    """Each frame at (`top`, `left`) of a larger one, which repeats its edge pixels."""

    clip: Clip
    top: int
    left: int
    height: int
    width: int

    def __len__(self) -> int:
        return len(self.clip)

    def read(self, start: int, stop: int) -> Frames:
        right = self.width - self.clip.width - self.left
        bottom = self.height - self.clip.height - self.top
        return F.pad(self.clip.read(start, stop), (self.left, right, self.top, bottom), mode="replicate")


def in_memory(clip: Clip, run: int = 8) -> TensorClip:
    """Reads all of `clip`, `run` frames at a time, into 8 bits."""
    pixels = torch.empty(len(clip), 3, clip.height, clip.width, dtype=torch.uint8)
    for start in range(0, len(clip), run):
        stop = min(start + run, len(clip))
        pixels[start:stop] = (clip.read(start, stop) * 255).round()
    return TensorClip(pixels)
