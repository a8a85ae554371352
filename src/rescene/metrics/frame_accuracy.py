"""Frame accuracy: how many frames look more like the target prompt than like the source prompt."""

from typing import ClassVar

import torch

from .averages import Averages
from .comparison import Comparison, Step
from .metric import About, Score
from .prompts import prompt_features


class FrameAccuracy:
    """CLIP frame accuracy, "Fram-Acc".

    Formula: share of the frames with p(target) ≥ p(source), p being the softmax of 100 cos(frame, prompt)
    over the two prompts. A frame that is taller than wide is cut to the square at its bottom, then reduced
    as CLIP does.
    Range: 0 to 1; higher is better.
    Source: Qi et al., "FateZero", ICCV 2023, as their script computes it.
    """

    about: ClassVar[About] = About(
        name="frame_accuracy", title="Frame accuracy", group="prompts", better="higher", asks_scorer=True
    )

    def __init__(self, comparison: Comparison) -> None:
        self._prompts = prompt_features(comparison)
        self._averages = Averages()

    def update(self, step: Step) -> None:
        prompts = torch.stack([self._prompts.source, self._prompts.target])
        source, target = (100 * prompts @ step.now.features("bottom")).softmax(0)
        self._averages.add(float(target >= source))

    def scores(self) -> list[Score]:
        return self._averages.scores(self.about, self._prompts.scorer)
