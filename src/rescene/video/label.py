"""A small readable text in the lower right corner of every frame."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..typing import Frames
from .clip import Wrapped

_HEIGHT = 0.035
"""Of the letters, as a share of the frame's height."""
_SMALLEST = 9.0
"""Height of the letters in pixels, where the frame is wide enough."""
_SHADE = 0.55
"""How much the box behind the letters darkens the picture."""


@dataclass(frozen=True, eq=False)
class Labelled(Wrapped):
    """A clip with `text` on every frame; too long a text is set smaller.

    Raises:
        ValueError: if the text is blank.
    """

    text: str

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError(f"the label {self.text!r} shows nothing; give a text, or leave the label out")

    def read(self, start: int, stop: int) -> Frames:
        frames = self.clip.read(start, stop).clone()
        letters = self._letters.to(frames)
        height, width = letters.shape
        margin = min(height // 3, self.height - height, self.width - width)
        corner = frames[..., self.height - margin - height :, self.width - margin - width :]
        corner = corner[..., :height, :width]
        corner.mul_(1 - _SHADE).lerp_(torch.ones_like(corner), letters)
        return frames

    @cached_property
    def _letters(self) -> Float[Tensor, "h w"]:
        """How much of each pixel of the box is letter."""
        size = max(_SMALLEST, _HEIGHT * self.height)
        width, height = _box(self.text, size)
        size *= min(1, self.width / width, self.height / height)
        width, height = (
            min(side, limit)
            for side, limit in zip(_box(self.text, size), (self.width, self.height), strict=True)
        )
        image = Image.new("L", (width, height))
        centre = (width / 2, height / 2)
        ImageDraw.Draw(image).text(centre, self.text, fill=255, anchor="mm", font=_font(size))
        return torch.from_numpy(np.array(image)).float() / 255


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(max(size, 1))


def _box(text: str, size: float) -> tuple[int, int]:
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).textbbox((0, 0), text, font=_font(size))
    return max(1, round(right - left + size)), max(1, round(bottom - top + 0.6 * size))
