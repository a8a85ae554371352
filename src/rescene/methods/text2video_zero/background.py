"""Takes what isn't the subject from the first frame, moved along.

Khachatryan et al., "Text2Video-Zero", ICCV 2023: background smoothing. The detector of salient objects that
it needs wasn't published with it. Here the subject is where some words of the prompt are attended to, what a
file says, or what a function of the user's finds.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ...attention import LayerPredicate, WatchWords, WordMask
from ...sampling.noise import warp
from ...typing import Frames, Latents
from ...video import Video

Saliency = Callable[[Frames], Float[Tensor, "F H W"]]
"""Finds what a viewer would look at: 1 there, 0 elsewhere."""
SoftMasks = Float[Tensor, "F h w"]
"""1 where the subject is, 0 in the background."""
Subject = Callable[[Latents], SoftMasks]
"""Finds the subject in a finished clip."""

WORD_THRESHOLD = 0.3
"""A word is where its response is above this share of the frame's strongest."""
MARGIN = 5
"""Masks grow to the rows and columns of boxes of this size, so that no rim of the subject is left behind."""


@dataclass(frozen=True)
class SubjectOfWords:
    """The subject is where some words were attended to while the clip was made."""

    tokens: tuple[int, ...]
    layers: LayerPredicate
    _watches: dict[int, WatchWords] = field(default_factory=dict, repr=False)

    def watch(self, frames: slice) -> WatchWords:
        """The hook that looks on while the given frames are made."""
        return self._watches.setdefault(frames.start, WatchWords(self.layers))

    def __call__(self, z: Latents) -> SoftMasks:
        heat = torch.cat([watch.heat() for _, watch in sorted(self._watches.items())])
        return WordMask.of(heat, self.tokens, WORD_THRESHOLD).at((z.shape[-2], z.shape[-1])).to(z)


@dataclass(frozen=True)
class SubjectOfFile:
    """The subject is white in a video, or in an image that stands for all frames."""

    path: Path

    @classmethod
    def of(cls, path: Path, frames: int) -> "SubjectOfFile":
        """Raises ValueError if the file has neither one frame nor `frames`."""
        found = len(Video.read(path))
        if found not in (1, frames):
            raise ValueError(f"{path} has {found} frames; a mask for {frames} frames has {frames}, or one")
        return cls(path)

    def __call__(self, z: Latents) -> SoftMasks:
        masks = Video.read(self.path).resize(z.shape[-2], z.shape[-1]).frames.mean(1)
        return (masks > 0.5).to(z).expand(len(z), -1, -1)


@dataclass(frozen=True)
class SubjectOfFrames:
    """The subject is what a function finds in the decoded frames, one by one."""

    saliency: Saliency
    decode: Callable[[Latents], Video]

    def __call__(self, z: Latents) -> SoftMasks:
        size = z.shape[-2], z.shape[-1]
        found = [F.interpolate(self.saliency(frame)[None], size)[0] for frame in self.decode(z).chunks(1)]
        return torch.cat(found).to(z)


def smooth(
    z: Latents,
    masks: SoftMasks,
    shifts: Float[Tensor, "F 2"],
    zooms: Float[Tensor, " F"],
    *,
    share: float,
) -> Latents:
    """Mixes the first frame's background, moved, into all frames'.

    Args:
        z: All frames where they were made noisy again, the first one first.
        masks: Where their subjects are.
        shifts: How each frame was moved; see `sampling.noise.warp`.
        zooms: Likewise.
        share: How much of the first frame to take.
    """
    masks = F.max_pool2d(masks[:, None], MARGIN, stride=1, padding=MARGIN // 2)
    moved = warp(z[:1] * (1 - masks[:1]), shifts, zooms)
    background = (1 - masks) * (1 - warp(masks[:1], shifts, zooms))
    return z + share * background * (moved - z)
