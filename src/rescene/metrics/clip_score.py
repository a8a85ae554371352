"""CLIPScore: the fit to the target prompt on the scale of Hessel et al."""

from typing import ClassVar

from .averages import Averages
from .comparison import Comparison, Step
from .metric import About, Score
from .prompts import prompt_features


class CLIPScore:
    """CLIPScore without references.

    Formula: mean over frames of 2.5 max(cos(frame, target prompt), 0). (Without their prefix "A photo
    depicts".)
    Range: 0 to 2.5, in practice 0.5 to 0.9; higher is better.
    Source: Hessel et al., "CLIPScore", EMNLP 2021.
    """

    about: ClassVar[About] = About(
        name="clip_score", title="CLIPScore", group="prompts", better="higher", asks_scorer=True
    )

    def __init__(self, comparison: Comparison) -> None:
        self._prompts = prompt_features(comparison)
        self._averages = Averages()

    def update(self, step: Step) -> None:
        self._averages.add(2.5 * max(float(self._prompts.target @ step.now.features("centre")), 0.0))

    def scores(self) -> list[Score]:
        return self._averages.scores(self.about, self._prompts.scorer)
