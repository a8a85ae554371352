"""The demo clip, a red car on a road, and three edits of it as values."""

from pathlib import Path

from ..methods import FateZero

CLIP = Path(__file__).parent / "red-car.mp4"
"""24 frames of 128x128 pixels at 8 fps with a melody, made by `training/demo/render.py`."""

SOURCE = "a red car on the road"
STEPS, GUIDANCE = 20, 3.0

EXAMPLES = {
    "colour": FateZero(
        source=SOURCE,
        target="a green car on the road",
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        self_replace=1.0,
        cross_replace=0.5,
        mask_words=("red", "car"),
        mask_threshold=0.5,
        blend_attention=False,
        keep_background=True,
        background_window=(0.0, 1.0),
    ),
    "object": FateZero(
        source=SOURCE,
        target="a red bus on the road",
        num_inference_steps=STEPS,
        guidance_scale=7.5,
        self_replace=0.2,
        cross_replace=0.2,
        mask_words=("car",),
        target_mask_words=("bus",),
        keep_background=True,
        background_window=(0.2, 1.0),
    ),
    "style": FateZero(
        source=SOURCE,
        target="a red car on the road, pencil sketch",
        num_inference_steps=STEPS,
        guidance_scale=5.0,
    ),
}
"""Edits by what they change."""
