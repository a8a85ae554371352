"""Latents as a clip whose frames are decoded when they are read."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from ..typing import Frames, Latents


@dataclass(frozen=True, eq=False)
class DecodedLatents:
    """A clip that decodes latents when its frames are read (`video.Clip`)."""

    latents: Latents
    pixels: Callable[[Latents], Frames]
    """Decodes some latents at once."""
    space: int
    """Pixels on a side of a latent cell."""
    at_once: int = 1
    """Frames that are decoded together, counted from the first: a decoder may mix neighbours, so that this is
    part of the result. Memory is that of so many frames."""
    _last: dict[int, Frames] = field(default_factory=dict[int, Frames], init=False, repr=False)
    """The run of frames that was decoded last, by its number."""

    def __len__(self) -> int:
        return len(self.latents)

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return self.latents.shape[-2] * self.space

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return self.latents.shape[-1] * self.space

    def read(self, start: int, stop: int) -> Frames:
        """Decodes the frames from `start` up to `stop`, and those that are decoded with them."""
        return torch.cat([self._frame(index) for index in range(start, stop)])

    def _frame(self, index: int) -> Frames:
        run, place = divmod(index, self.at_once)
        if self.at_once == 1:  # Nothing else is decoded with it that could be asked for.
            return self.pixels(self.latents[index : index + 1])
        if run not in self._last:
            self._last.clear()
            self._last[run] = self.pixels(self.latents[run * self.at_once : (run + 1) * self.at_once])
        return self._last[run][place : place + 1]
