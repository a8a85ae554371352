"""Likeness to the source: each frame of the result beside the source's own, pixel by pixel."""

from functools import cache
from typing import Any, ClassVar

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .comparison import Comparison, Transition
from .metric import About, Averages, Score, Unavailable

LARGEST = 100.0
"""In dB; what equal frames count as in PSNR."""
WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2
"""SSIM's constants, as in its formula."""


class PSNR:
    """Peak signal-to-noise ratio between the result and the source.

    Formula: mean over frames of −10 log₁₀ MSE, the MSE over all pixels and channels of RGB in [0, 1]; a
    frame counts for 100 dB at most.
    Range: 0 to 100 dB; higher is closer to the source. Read it outside the mask: inside, change is wanted.
    Source: Huynh-Thu and Ghanbari, "Scope of validity of PSNR", Electronics Letters 2008, says what it is
    good for.
    """

    about: ClassVar[About] = About(
        name="psnr", title="PSNR", group="likeness to the source", better="higher", unit="dB"
    )

    def __init__(self, comparison: Comparison) -> None:
        self._averages = Averages()

    def update(self, move: Transition) -> None:
        errors = (move.now.result - move.now.source).square().mean(0, keepdim=True)
        for part, region in move.now.regions.items():
            if region.any():
                error = errors[region].double().mean()
                self._averages.add(float((-10 * torch.log10(error)).clamp(max=LARGEST)), part)

    def scores(self) -> list[Score]:
        return self._averages.scores(self.about, "RGB, mean over frames, 100 dB at most")


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

    def update(self, move: Transition) -> None:
        likeness = ssim_map(move.now.source_pixels, move.now.result_pixels)
        for part, region in move.now.regions.items():
            if region.any():
                self._averages.add(float(likeness[region[0]].mean()), part)

    def scores(self) -> list[Score]:
        return self._averages.scores(self.about, "RGB, Gaussian window 11, σ 1.5")


class LPIPS:
    """Learned perceptual distance between the result and the source.

    Formula: mean over frames of Σₗ mean over pixels of ‖wₗ ⊙ (φₗ(result) − φₗ(source))‖², φₗ the features of
    AlexNet normalised over channels, wₗ learned weights. For a part of the picture, all else is black in
    both frames.
    Range: from 0; lower is closer to the source. Read it outside the mask: inside, change is wanted.
    Source: Zhang et al., "The unreasonable effectiveness of deep features", CVPR 2018; torchmetrics'
    implementation.
    """

    about: ClassVar[About] = About(
        name="lpips", title="LPIPS", group="likeness to the source", better="lower"
    )

    def __init__(self, comparison: Comparison) -> None:
        self._distance = _perceptual()
        self._averages = Averages()

    def update(self, move: Transition) -> None:
        for part, region in move.now.regions.items():
            if region.any():
                pair = (frame[None] * region for frame in (move.now.result, move.now.source))
                with torch.no_grad():
                    self._averages.add(float(self._distance(*pair)), part)

    def scores(self) -> list[Score]:
        return self._averages.scores(self.about, "AlexNet, mean over frames")


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


@cache
def _perceptual() -> Any:
    """The distance, for pictures in [0, 1]; fetches AlexNet's weights (233 MB) if needed."""
    try:
        import torchvision  # noqa: F401  # pyright: ignore
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity
    except ImportError as error:
        raise Unavailable(f"{error.name} isn't installed; pip install 'rescene[eval]'") from error
    try:
        return LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True)
    except OSError as error:
        raise Unavailable(f"AlexNet's weights can't be fetched ({error})") from error
