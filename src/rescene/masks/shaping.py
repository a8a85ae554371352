"""Masks put together and shaped: joined, subtracted, inverted, grown, and softened inwards."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Float

from ..inputs.masks import Mask
from ..typing import Frames
from ..video import Video
from ..video.clip import Clip, Wrapped

Matte = Float[np.ndarray, "H W"]
"""How much of each pixel belongs to a mask, from 0 to 1."""
BLACK = 1 / 16
"""Greys of a file up to here are black, and as close to white are white: lossy compression leaves such."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How a mask is changed once it is put together; lengths in pixels."""

    invert: bool = False
    """Whether what was outside is inside."""
    grow: int = 0
    """How far it grows, or shrinks if negative; after `invert`."""
    feather: int = 0
    """The width of a soft edge, all of it inside: what was outside stays so."""

    def __call__(self, matte: Matte) -> Matte:
        """The changed mask of one frame."""
        matte = 1 - matte if self.invert else matte
        change = cv2.dilate if self.grow > 0 else cv2.erode
        for number in range(abs(self.grow)):
            # Squares and crosses by turns come near a disc. The picture's border changes nothing.
            matte = change(matte, _CROSS if number % 2 else _SQUARE)
        if self.feather:
            away = cv2.distanceTransform((matte > 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
            matte = np.minimum(matte, away / (self.feather + 1))
        return matte.astype(np.float32)


_SQUARE = np.ones((3, 3), np.uint8)
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def put_together(joined: Sequence[Video], minus: Sequence[Video], shape: Shape, *, like: Video) -> Mask:
    """A mask of several, made frame by frame when it is read.

    Args:
        joined: Grey videos of the size and length of `like`, any of which may hold a pixel; all of the
            picture if there are none.
        minus: Those that take away.
        shape: What is done to the whole.
        like: The video that is masked.
    """
    clip = Together(like.clip, tuple(each.clip for each in joined), tuple(each.clip for each in minus), shape)
    return Mask(replace(like, clip=clip, audio=None))


def clear(video: Video) -> Video:
    """A grey video from a file whose nearly black is black and whose nearly white is white."""
    return replace(video, clip=Clear(video.clip))


@dataclass(frozen=True, eq=False)
class Clear(Wrapped):
    """Greys spread so that what compression left near both ends is at them."""

    def read(self, start: int, stop: int) -> Frames:
        grey = self.clip.read(start, stop).mean(1, keepdim=True)
        return ((grey - BLACK) / (1 - 2 * BLACK)).clamp(0, 1).expand(-1, 3, -1, -1)


@dataclass(frozen=True, eq=False)
class Together(Wrapped):
    """Mattes joined, less others, and shaped."""

    joined: tuple[Clip, ...]
    minus: tuple[Clip, ...]
    shape: Shape

    def read(self, start: int, stop: int) -> Frames:
        def grey(clip: Clip) -> torch.Tensor:
            return clip.read(start, stop).mean(1)

        whole = torch.ones(stop - start, self.height, self.width)
        if self.joined:
            whole = torch.stack([grey(clip) for clip in self.joined]).amax(0)
        for clip in self.minus:
            whole = torch.minimum(whole, 1 - grey(clip))
        shaped = np.stack([self.shape(np.ascontiguousarray(matte)) for matte in whole.numpy()])
        return torch.from_numpy(shaped)[:, None].expand(-1, 3, -1, -1)
