"""SSIM: likeness of local brightness, contrast and structure."""

from typing import ClassVar

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .averages import Averages
from .comparison import Comparison, Step
from .metric import About, Score, Unavailable

WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2


class SSIM:
    """Structural similarity between the result and the source.

    Formula: (2μₓμᵧ + C₁)(2σₓᵧ + C₂) / ((μₓ² + μᵧ² + C₁)(σₓ² + σᵧ² + C₂)) in Gaussian windows of 11 pixels
    with σ = 1.5, C₁ = 0.01², C₂ = 0.03²; mean over RGB, pixels and frames. Windows are reflected at the
    border, as in torchmetrics.
    Range: −1 to 1; higher is closer to the source. Read it outside the mask: inside, change is wanted.
    Source: Wang et al., "Image quality assessment", IEEE TIP 2004.
    """

    about: ClassVar[About] = About(name="ssim", title="SSIM", group="likeness to the source", better="higher")

    def __init__(self, comparison: Comparison) -> None:
        check_size(comparison)
        self._averages = Averages()

    def update(self, step: Step) -> None:
        likeness = ssim_map(step.now.source_pixels, step.now.result_pixels)
        for part, region in step.now.regions.items():
            if region.any():
                self._averages.add(float(likeness[region[0]].mean()), part)

    def scores(self) -> list[Score]:
        return self._averages.scores(self.about, "RGB, Gaussian window 11, σ 1.5")


def ssim_map(one: Float[np.ndarray, "H W 3"], other: Float[np.ndarray, "H W 3"]) -> Float[Tensor, "H W"]:
    """SSIM around each pixel, averaged over the channels."""
    mean_one, mean_other = _blurred(one), _blurred(other)
    spread_one = _blurred(one * one) - mean_one**2
    spread_other = _blurred(other * other) - mean_other**2
    shared = _blurred(one * other) - mean_one * mean_other
    above = (2 * mean_one * mean_other + C1) * (2 * shared + C2)
    below = (mean_one**2 + mean_other**2 + C1) * (spread_one + spread_other + C2)
    return torch.from_numpy((above / below).mean(-1))


def check_size(comparison: Comparison) -> None:
    """Makes sure that a window fits into the frames."""
    video = comparison.result
    if min(video.height, video.width) < WINDOW:
        raise Unavailable(
            f"frames of {video.width}x{video.height} are smaller than the window of {WINDOW} pixels"
        )


def _blurred(image: Float[np.ndarray, "H W 3"]) -> Float[np.ndarray, "H W 3"]:
    return np.asarray(cv2.GaussianBlur(image, (WINDOW, WINDOW), SIGMA), dtype=np.float32)
