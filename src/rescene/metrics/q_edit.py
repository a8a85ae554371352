"""Q_edit: steadiness and faithfulness to the prompt in one number."""

from typing import ClassVar

from .clip_text import CLIPText
from .comparison import Comparison, Step
from .metric import About, Score
from .warp_ssim import WarpSSIM


class QEdit:
    """Overall quality of an edit.

    Formula: WarpSSIM × CLIP text score.
    Range: −100 to 100, in practice 15 to 30; higher is better.
    Source: Kara et al., "RAVE", CVPR 2024.
    """

    about: ClassVar[About] = About(
        name="q_edit", title="Q_edit", group="prompts", better="higher", asks_scorer=True
    )

    def __init__(self, comparison: Comparison) -> None:
        self._factors = WarpSSIM(comparison), CLIPText(comparison)

    def update(self, step: Step) -> None:
        for factor in self._factors:
            factor.update(step)

    def scores(self) -> list[Score]:
        (steady,), (faithful,) = (factor.scores() for factor in self._factors)
        how = f"{faithful.how}; {steady.how}"
        return [Score(about=self.about, value=steady.value * faithful.value, how=how)]
