"""FateZero edits small enough to run by the dozen."""

from typing import Any

from rescene import FateZero

JEEP = FateZero(
    source="a silver jeep on the road",
    target="a red jeep on the road",
    num_inference_steps=4,
    guidance_scale=4,
)
MASKED: dict[str, Any] = {"mask_words": ("jeep",), "mask_threshold": 0.7, "keep_background": True}
"""Fields for the same edit inside a mask."""
