"""WarpSSIM: likeness of each frame with the next one, along the motion of the source."""

from typing import ClassVar

from .averages import Averages
from .comparison import Comparison, Step
from .metric import About, Score
from .ssim import check_size, ssim_map
from .warp_error import check_length


class WarpSSIM:
    """Structural similarity of the result's frames with the following ones, warped by the source's flow.

    Formula: mean over consecutive frames of SSIM(rₜ(x), rₜ₊₁(x + f(x))), averaged over visible pixels; flow
    and visibility as in the warp error, SSIM as in `SSIM`.
    Range: −1 to 1; higher is steadier.
    Source: Kara et al., "RAVE", CVPR 2024, whose script was not published: flow and mask are ours.
    """

    about: ClassVar[About] = About(
        name="warp_ssim", title="WarpSSIM", group="motion and steadiness", better="higher"
    )

    def __init__(self, comparison: Comparison) -> None:
        check_length(comparison)
        check_size(comparison)
        self._averages = Averages()
        self._flow = comparison.tools.flow.name

    def update(self, step: Step) -> None:
        if step.before is None:
            return
        seen = step.motion.visible
        if seen.any():
            warped = step.motion.warped(step.now.result).permute(1, 2, 0).contiguous().numpy()
            self._averages.add(float(ssim_map(step.before.result_pixels, warped)[seen[0]].mean()))

    def scores(self) -> list[Score]:
        return self._averages.scores(self.about, f"source's flow by {self._flow}")
