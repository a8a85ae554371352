"""PSNR: how many decibels the error is below full range."""

from typing import ClassVar

import torch

from .averages import Averages
from .comparison import Comparison, Step
from .metric import About, Score

LARGEST = 100.0
"""In dB; what equal frames count as."""


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

    def update(self, step: Step) -> None:
        errors = (step.now.result - step.now.source).square().mean(0, keepdim=True)
        for part, region in step.now.regions.items():
            if region.any():
                error = errors[region].double().mean()
                self._averages.add(float((-10 * torch.log10(error)).clamp(max=LARGEST)), part)

    def scores(self) -> list[Score]:
        return self._averages.scores(self.about, "RGB, mean over frames, 100 dB at most")
