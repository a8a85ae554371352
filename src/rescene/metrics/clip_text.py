"""CLIP text score: how well the frames fit the target prompt."""

from typing import ClassVar

from .averages import Averages
from .comparison import Comparison, Step
from .metric import About, Score
from .prompts import prompt_features


class CLIPText:
    """CLIP text score, "CLIP-T" or "textual alignment".

    Formula: 100 × mean over frames of cos(frame, target prompt).
    Range: −100 to 100, in practice 20 to 35; higher is better.
    Source: Wu et al., "Tune-A-Video", ICCV 2023, and most papers since; not to be mixed up with CLIPScore.
    """

    about: ClassVar[About] = About(
        name="clip_text", title="CLIP text", group="prompts", better="higher", asks_scorer=True
    )

    def __init__(self, comparison: Comparison) -> None:
        self._prompts = prompt_features(comparison)
        self._averages = Averages()

    def update(self, step: Step) -> None:
        self._averages.add(100 * float(self._prompts.target @ step.now.features("centre")))

    def scores(self) -> list[Score]:
        return self._averages.scores(self.about, self._prompts.scorer)
