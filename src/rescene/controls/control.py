"""What a control is: a video in, a video of the same size and length out that shows one aspect of it."""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from ..video import Video


@runtime_checkable
class Control(Protocol):
    """A frozen dataclass of settings that can be called."""

    def __call__(self, video: "Video") -> "Video":
        """Frames for a ControlNet, drawn as they are read."""
        ...
