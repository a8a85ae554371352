"""LPIPS: distance as people perceive it, by the features of a network."""

from functools import cache
from typing import Any, ClassVar

import torch

from .averages import Averages
from .comparison import Comparison, Step
from .metric import About, Score, Unavailable


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
        self._distance = _network()
        self._averages = Averages()

    def update(self, step: Step) -> None:
        for part, region in step.now.regions.items():
            if region.any():
                pair = (frame[None] * region for frame in (step.now.result, step.now.source))
                with torch.no_grad():
                    self._averages.add(float(self._distance(*pair)), part)

    def scores(self) -> list[Score]:
        return self._averages.scores(self.about, "AlexNet, mean over frames")


@cache
def _network() -> Any:
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
