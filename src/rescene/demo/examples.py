"""The demo clip, a red car on a road, and three edits of it as values."""

from pathlib import Path

from ..methods import FateZero

CLIP = Path(__file__).parent / "red-car.mp4"
"""24 frames of 128x128 pixels at 8 fps with a melody, made by `python -m rescene.demo.render`."""

SOURCE = "a red car on the road"
STEPS = 20

EXAMPLES = {
    "colour": FateZero(
        source=SOURCE,
        target="a green car on the road",
        num_inference_steps=STEPS,
        mask_words=("red", "car"),
    ),
    "object": FateZero(
        source=SOURCE,
        target="a red bus on the road",
        num_inference_steps=STEPS,
        self_replace=0.5,
        cross_replace=0.5,
    ),
    "style": FateZero(
        source=SOURCE,
        target="a red car on the road, watercolor painting",
        num_inference_steps=STEPS,
        emphasize={"watercolor": 5.0},
    ),
}
"""Edits by what they change."""
