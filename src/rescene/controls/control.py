"""What a control is: a video in, a video of the same size and length out that shows one aspect of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..typing import Frames
from ..video import Clip, Video


@runtime_checkable
class Control(Protocol):
    """A frozen dataclass of settings that can be called."""

    def __call__(self, video: Video) -> Video:
        """Frames for a ControlNet, drawn as they are read."""
        ...


@dataclass(frozen=True, eq=False)
class Drawn:
    """A clip whose frames are drawn from another's, one by one (`video.Clip`)."""

    clip: Clip
    draw: Callable[[Frames], Frames]

    def __len__(self) -> int:
        return len(self.clip)

    @property
    def height(self) -> int:
        return self.clip.height

    @property
    def width(self) -> int:
        return self.clip.width

    def read(self, start: int, stop: int) -> Frames:
        return self.draw(self.clip.read(start, stop))
