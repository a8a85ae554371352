"""Temporal consistency: likeness of consecutive frames as CLIP sees them."""

from typing import ClassVar

from .averages import Averages
from .comparison import Comparison, Step
from .metric import About, Score
from .prompts import scorer_of
from .warp_error import check_length


class TemporalConsistency:
    """CLIP temporal consistency, "Tem-Con".

    Formula: mean over consecutive frames of cos(frame t, frame t+1), frames cropped as for the frame
    accuracy.
    Range: −1 to 1, in practice above 0.9; higher is steadier. A still picture has 1.
    Source: Qi et al., "FateZero", ICCV 2023, as their script computes it; other papers average over all
    pairs, see `FrameConsistency`.
    """

    about: ClassVar[About] = About(
        name="temporal_consistency",
        title="Temporal consistency",
        group="motion and steadiness",
        better="higher",
        asks_scorer=True,
    )

    def __init__(self, comparison: Comparison) -> None:
        check_length(comparison)
        self._scorer = scorer_of(comparison).name
        self._averages = Averages()

    def update(self, step: Step) -> None:
        if step.before is not None:
            self._averages.add(float(step.before.features("bottom") @ step.now.features("bottom")))

    def scores(self) -> list[Score]:
        return self._averages.scores(self.about, f"{self._scorer}, consecutive frames")
