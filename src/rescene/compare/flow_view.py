"""Motion as colour: the hue is where a pixel goes, the saturation how fast."""

from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..metrics import DIS, Flow
from ..typing import Frames
from ..video.clip import Wrapped

FULL = 0.03
"""The speed, in widths of the picture for each frame, that has full colour."""


@dataclass(frozen=True, eq=False)
class FlowView(Wrapped):
    """A clip's motion to the next frame; the last one keeps that of the one before. Stillness is white."""

    flow: Flow = field(default_factory=DIS)

    def read(self, start: int, stop: int) -> Frames:
        last = len(self) - 1
        if last == 0:
            return torch.ones_like(self.clip.read(0, 1))
        first = min(start, last - 1)
        frames = self.clip.read(first, min(stop, last) + 1)
        pictures = [
            coloured(self.flow(first + at, frames[at], frames[at + 1]).flow) for at in range(len(frames) - 1)
        ]
        return torch.stack([pictures[min(number, last - 1) - first] for number in range(start, stop)])


def coloured(flow: Float[Tensor, "2 H W"]) -> Float[Tensor, "3 H W"]:
    """A flow field as a picture: red goes right, yellow-green down, cyan left, violet up."""
    dx, dy = flow.numpy()
    speed = np.sqrt(dx**2 + dy**2) / (FULL * flow.shape[2])
    hue = np.degrees(np.arctan2(dy, dx)) % 360
    hsv = np.dstack([hue, np.minimum(speed, 1), np.ones_like(hue)]).astype(np.float32)
    return torch.from_numpy(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)).permute(2, 0, 1).contiguous()
