"""Colour drift: whether colours leave the source's more and more as the clip goes on."""

from typing import ClassVar

import cv2
import numpy as np
from jaxtyping import Float

from .comparison import Comparison, Step
from .metric import About, Score
from .warp_error import check_length

_LONGEST = 128


class ColourDrift:
    """Change over time of the difference between the mean colours of result and source.

    Formula: ‖slope‖ × (F − 1), the slope of the least-squares line through dₜ = mean Lab(rₜ) − mean Lab(sₜ)
    over the frames t: how far colours have drifted from the first frame to the last. A change of colour that
    stays the same, as edits want it, costs nothing, nor do changes of light in the source. Frames are
    reduced to 128 pixels.
    Range: from 0, in ΔE*ab (CIE 1976; about 2 can be seen); lower is steadier.
    Source: ours, for the drift that long edits made in pieces suffer from.
    """

    about: ClassVar[About] = About(
        name="colour_drift", title="Colour drift", group="motion and steadiness", better="lower", unit="ΔE"
    )

    def __init__(self, comparison: Comparison) -> None:
        check_length(comparison)
        self._count = 0
        self._times, self._squares = 0.0, 0.0
        self._colours, self._products = np.zeros(3), np.zeros(3)

    def update(self, step: Step) -> None:
        difference = _mean_lab(step.now.result_pixels) - _mean_lab(step.now.source_pixels)
        self._count += 1
        self._times += step.number
        self._squares += step.number**2
        self._colours += difference
        self._products += step.number * difference

    def scores(self) -> list[Score]:
        above = self._count * self._products - self._times * self._colours
        slope = above / (self._count * self._squares - self._times**2)
        value = float(np.linalg.norm(slope)) * (self._count - 1)
        return [
            Score(
                about=self.about,
                value=value,
                how="line through mean CIE Lab, against the source",
            )
        ]


def _mean_lab(pixels: Float[np.ndarray, "H W 3"]) -> Float[np.ndarray, "3"]:
    height, width = pixels.shape[:2]
    scale = min(1.0, _LONGEST / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    lab = cv2.cvtColor(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2Lab)
    return np.asarray(lab, dtype=np.float64).mean((0, 1))
