"""What metrics look at: a source and its result, frame by frame; what derives from a frame is made once."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import repeat

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..video import Video
from .flow import DIS, Flow, Frame, FrameFlow
from .scorers import Crop, Scorer

Region = Bool[Tensor, "1 H W"]
_RUN = 8
"""Frames that are read at once."""


@dataclass(frozen=True, kw_only=True)
class Prompts:
    """What the source shows and what the result should show."""

    source: str
    target: str


@dataclass(frozen=True, kw_only=True)
class Tools:
    """The estimators that metrics share."""

    scorer: Scorer | None = None
    """Compares pictures with text; without one, metrics of text and of picture features are left out."""
    flow: Flow = field(default_factory=DIS)
    """Finds how the source moves."""
    missing: str = "no CLIP model was given"
    """Why there is no scorer."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """A source and a result of one size, rate and length, and what is known about them."""

    source: Video
    result: Video
    given: tuple[Video, Video]
    """Both as they were before they were brought into line."""
    tools: Tools
    prompts: Prompts | None = None
    mask: Video | None = None
    """White where the edit was meant to change the picture."""

    def transitions(self) -> Iterator["Transition"]:
        """Every frame once, in order; a few are held at a time."""
        before, number = None, 0
        masks = repeat(None) if self.mask is None else self.mask.chunks(_RUN)
        # The mask may be one endless `None`, so only the videos decide the length.
        for run in zip(self.source.chunks(_RUN), self.result.chunks(_RUN), masks, strict=False):
            for at in range(len(run[0])):
                mask = None if run[2] is None else run[2][at].mean(0, keepdim=True) > 0.5
                now = Moment(source=run[0][at], result=run[1][at], mask=mask, tools=self.tools)
                yield Transition(number=number, before=before, now=now)
                before, number = now, number + 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Moment:
    """The frames at one time."""

    source: Frame
    result: Frame
    mask: Region | None
    tools: Tools

    @cached_property
    def regions(self) -> dict[str, Region]:
        """The parts of the picture to be measured apart: all of it, inside and outside the mask."""
        everywhere = torch.ones_like(self.result[:1], dtype=torch.bool)
        if self.mask is None:
            return {"": everywhere}
        return {"": everywhere, "inside": self.mask, "outside": ~self.mask}

    @cached_property
    def source_pixels(self) -> Float[np.ndarray, "H W 3"]:
        """The source for OpenCV."""
        return self.source.permute(1, 2, 0).contiguous().numpy()

    @cached_property
    def result_pixels(self) -> Float[np.ndarray, "H W 3"]:
        """The result for OpenCV."""
        return self.result.permute(1, 2, 0).contiguous().numpy()

    def features(self, crop: Crop) -> Float[Tensor, " D"]:
        """What the scorer sees in the result."""
        return self._features("result", crop)

    def source_features(self, crop: Crop) -> Float[Tensor, " D"]:
        """What the scorer sees in the source."""
        return self._features("source", crop)

    def _features(self, which: str, crop: Crop) -> Float[Tensor, " D"]:
        assert self.tools.scorer is not None, "metrics that need a scorer check that there is one"
        frame = self.result if which == "result" else self.source
        # Where nothing is cut away at the top or at the bottom, both ways to crop are one.
        key = (which, crop if frame.shape[1] > frame.shape[2] else "centre")
        if key not in self._seen:
            self._seen[key] = self.tools.scorer.image(frame, key[1])
        return self._seen[key]

    @cached_property
    def _seen(self) -> dict[tuple[str, Crop], Float[Tensor, " D"]]:
        return {}


@dataclass(frozen=True, kw_only=True, eq=False)
class Transition:
    """One frame and the one before it."""

    number: int
    before: Moment | None
    now: Moment

    @cached_property
    def motion(self) -> FrameFlow:
        """How the source moves from the frame before to this one."""
        assert self.before is not None, "nothing moves before the second frame"
        return self.now.tools.flow(self.number - 1, self.before.source, self.now.source)
