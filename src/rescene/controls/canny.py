"""Edges (Canny, 1986)."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..typing import Frames
    from ..video import Video


@dataclass(frozen=True, kw_only=True)
class Canny:
    """White edges on black."""

    low: int = 100
    """Weaker edges are drawn only where they continue stronger ones; lower it for more detail."""
    high: int = 200
    """Gradients above this are edges; raise it for outlines alone."""

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high:
            raise ValueError(
                f"canny thresholds {self.low} and {self.high}: the low one must not be above the high one, "
                "nor negative; 100 and 200 are usual"
            )

    def __call__(self, video: "Video") -> "Video":
        from .drawn import DrawnControl

        return replace(video, clip=DrawnControl(video.clip, self._edges), audio=None)

    def _edges(self, frames: "Frames") -> "Frames":
        import cv2  # Here, so that edits without edges don't hold its 20 MB.
        import numpy as np
        import torch

        pixels = (frames * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
        edges = np.stack([cv2.Canny(frame, self.low, self.high) for frame in pixels])
        return torch.from_numpy(edges)[:, None].expand(-1, 3, -1, -1) / 255
