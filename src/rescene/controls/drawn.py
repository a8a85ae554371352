"""Clips of frames that a control draws."""

from collections.abc import Callable
from dataclasses import dataclass

from ..typing import Frames
from ..video.clip import Wrapped


@dataclass(frozen=True, eq=False)
class DrawnControl(Wrapped):
    """A clip whose frames are drawn from another's, one by one (`video.Clip`)."""

    draw: Callable[[Frames], Frames]

    def read(self, start: int, stop: int) -> Frames:
        return self.draw(self.clip.read(start, stop))
