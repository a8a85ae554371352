"""Masks: where an edit may change the picture, per pixel and frame."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..typing import Frames
from ..video import Video
from ..video.clip import Clip
from .fit import Fit
from .grid import Grid


@dataclass(frozen=True, eq=False)
class Mask:
    """A grey video: 1 where the edit may change the picture, 0 where it mustn't; soft edges are allowed."""

    video: Video
    """Of the source's length; the mean of the channels counts."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing may change in any frame; frames are read until there is something."""
        return not any(bool(frame.any()) for frame in self.video.chunks(1))

    def fitted(self, fit: Fit) -> "Mask":
        """The mask at the working size and length."""
        return Mask(fit.apply(self.video))

    def on(self, grid: Grid) -> Float[Tensor, "T h w"]:
        """The mask on latents: the maximum over each cell's pixels and frames, so that no pixel is lost."""
        frames = torch.cat([frame.mean(1) for frame in self.video.chunks(1)])
        cells = F.max_pool2d(frames[:, None], grid.space)[:, 0]
        latents = range(grid.latents(len(cells)))
        return torch.stack([cells[grid.frames_of(t).start : grid.frames_of(t).stop].amax(0) for t in latents])

    def composite(self, source: Video, edited: Video) -> Video:
        """The edit inside the mask, the source outside: where the mask is 0, the source's values exactly.

        Raises:
            ValueError: If the mask is of another size or length than the videos.
        """
        wrong = [v for v in (self.video, edited) if _shape(v) != _shape(source)]
        if wrong:
            raise ValueError(
                f"the mask or the edit is {wrong[0]!r} and the source {source!r}; "
                "they must have one size and length"
            )
        return replace(edited, clip=Composite(self.video.clip, source.clip, edited.clip))


@dataclass(frozen=True, eq=False)
class Composite:
    """A clip put together from two by a mask when its frames are read."""

    mask: Clip
    outside: Clip
    inside: Clip

    @property
    def height(self) -> int:
        return self.outside.height

    @property
    def width(self) -> int:
        return self.outside.width

    def __len__(self) -> int:
        return len(self.outside)

    def read(self, start: int, stop: int) -> Frames:
        share = self.mask.read(start, stop).mean(1, keepdim=True)
        outside, inside = self.outside.read(start, stop), self.inside.read(start, stop)
        return torch.where(share > 0, torch.lerp(outside, inside, share), outside)


def _shape(video: Video) -> tuple[int, int, int]:
    return len(video), video.height, video.width
