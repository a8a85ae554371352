"""Edits small enough to run by the dozen."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from rescene import FateZero, TokenFlow, Video

JEEP = FateZero(
    source="a silver jeep on the road",
    target="a red jeep on the road",
    num_inference_steps=4,
    guidance_scale=4,
)
MASKED: dict[str, Any] = {"mask_words": ("jeep",), "mask_threshold": 0.7, "keep_background": True}
"""Fields for the same edit inside a mask."""

ROAD = TokenFlow(
    source="a silver jeep on the road",
    target="a red jeep on the road",
    num_inference_steps=3,
    guidance_scale=4,
    pivot_interval=2,
)

Edit = Callable[..., TokenFlow]
"""Makes `ROAD` with other fields as asked for."""
LatentsOf = Callable[[Video], Tensor]


def moving(frames: int) -> Video:
    """Frames of their own each."""
    return Video.of(torch.rand(frames, 3, 64, 64, generator=torch.Generator().manual_seed(0)), 8)
