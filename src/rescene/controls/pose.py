"""Poses of people, found by RTMPose and drawn as OpenPose does (Jiang et al., 2023)."""

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import torch

from ..typing import Frames
from ..video import Video
from .control import Drawn

Body = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Finds people in a frame of blue, green and red: their keypoints and how sure it is of each."""


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Skeletons of all people, on black."""

    mode: Literal["lightweight", "balanced", "performance"] = "balanced"
    """Which of RTMPose's models to use: smaller ones are faster, larger ones miss less."""

    def __call__(self, video: Video) -> Video:
        return replace(video, clip=Drawn(video.clip, self._skeletons), audio=None)

    def _skeletons(self, frames: Frames) -> Frames:
        from .skeleton import draw  # Here, as it brings OpenCV.

        pixels = (frames * 255).round().byte().permute(0, 2, 3, 1).numpy()
        drawn = []
        for frame in pixels:
            people, scores = self._body(np.ascontiguousarray(frame[..., ::-1]))
            drawn.append(draw(frame.shape[:2], people.astype(np.float64), scores.astype(np.float64)))
        return torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2) / 255

    @cached_property
    def _body(self) -> Body:
        try:
            from rtmlib import Body as RTMBody  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise ValueError(
                "finding poses needs rtmlib and onnxruntime: pip install 'rescene[controls]', or give a clip "
                "of skeletons as the control video"
            ) from error
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # It prints what it loads.
                return RTMBody(mode=self.mode, to_openpose=True, backend="onnxruntime", device="cpu")
        except OSError as error:
            raise FileNotFoundError(
                f"RTMPose's weights aren't in rtmlib's cache and can't be fetched ({error}); check the "
                "network, or give a clip of skeletons as the control video"
            ) from error
