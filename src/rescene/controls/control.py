"""What a control is: a video in, a video of the same size and length out that shows one aspect of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..typing import Frames
from ..video import Video
from ..video.clip import Wrapped


@runtime_checkable
class Control(Protocol):
    """A frozen dataclass of settings that can be called."""

    def __call__(self, video: Video) -> Video:
        """Frames for a ControlNet, drawn as they are read."""
        ...


@dataclass(frozen=True, eq=False)
class Drawn(Wrapped):
    """A clip whose frames are drawn from another's, one by one (`video.Clip`)."""

    draw: Callable[[Frames], Frames]

    def read(self, start: int, stop: int) -> Frames:
        return self.draw(self.clip.read(start, stop))
