"""Everything that a user gives to a method: a video, a mask, edited frames, a control clip."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .fit import Fit

if TYPE_CHECKING:
    from ..typing import Frames
    from ..video import Video
    from .masks import Mask


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """The inputs of one run. Prompts aren't among them: they are fields of the method."""

    video: "Video | None" = None
    """The source; a method that generates needs none."""
    mask: "Mask | None" = None
    """Where the edit may change the picture; everywhere if None."""
    key_frames: "Mapping[int, Frames]" = field(default_factory=dict)
    """Edited frames [1, 3, H, W] in [0, 1], by the number of the frame that each replaces."""
    control: "Video | None" = None
    """A clip that shows a control ready-made, such as moving skeletons; else it is found in the source."""

    def fitted(self, fit: Fit) -> "Inputs":
        """The same inputs at the working size: the video, the mask, the edited frames and the control."""
        from ..video import Video  # Late, since values of methods are read without the video library.

        return replace(
            self,
            video=self.video and fit.apply(self.video),
            mask=self.mask and self.mask.fitted(fit),
            key_frames={
                number: fit.still(Video.of(frame, 1)).frames for number, frame in self.key_frames.items()
            },
            control=self.control and fit.follow(self.control),
        )
