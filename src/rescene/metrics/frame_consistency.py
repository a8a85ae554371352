"""Frame consistency: likeness of all frames with each other as CLIP sees them."""

from typing import ClassVar

import torch

from .comparison import Comparison, Step
from .metric import About, Score
from .prompts import scorer_of
from .warp_error import check_length


class FrameConsistency:
    """CLIP frame consistency over all pairs of frames, "CLIP-F" or "Frame Con".

    Formula: mean over all pairs i ≠ j of cos(frame i, frame j) = (‖Σ f‖² − F) / (F (F − 1)), features f of
    length 1.
    Range: −1 to 1, in practice above 0.85; higher is steadier.
    Source: Wu et al., "CVPR 2023 text guided video editing competition" (TGVE), 2023. At most as high as the
    temporal consistency in general, since far frames differ more.
    """

    about: ClassVar[About] = About(
        name="frame_consistency",
        title="Frame consistency",
        group="motion and steadiness",
        better="higher",
        asks_scorer=True,
    )

    def __init__(self, comparison: Comparison) -> None:
        check_length(comparison)
        self._scorer = scorer_of(comparison).name
        self._sum, self._count = torch.zeros(1, dtype=torch.float64), 0

    def update(self, step: Step) -> None:
        self._sum = self._sum + step.now.features("centre").double()
        self._count += 1

    def scores(self) -> list[Score]:
        value = (float(self._sum.square().sum()) - self._count) / (self._count * (self._count - 1))
        return [Score(about=self.about, value=value, how=f"{self._scorer}, all pairs of frames")]
