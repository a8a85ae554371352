"""Warp error: how much the result changes along the motion of the source."""

from typing import ClassVar

from .averages import Averages
from .comparison import Comparison, Step
from .metric import About, Score, Unavailable


class WarpError:
    """Flow-warped error of the result, E_warp: the flicker that is left when motion is taken out.

    Formula: 1000 × mean over consecutive frames of the mean, over visible pixels x and RGB in [0, 1], of
    (rₜ(x) − rₜ₊₁(x + f(x)))², with f the flow of the *source* from frame t to t+1, looked up bilinearly. A
    pixel is visible if it stays in view and flow leads there and back again (see `flow.both_ways`).
    Range: from 0; lower is steadier. A still or blurred result does well too, and one whose shapes move
    otherwise than the source's does worse than it looks.
    Source: Lai et al., "Learning blind video temporal consistency", ECCV 2018; papers differ in flow, mask
    and scale, so compare only numbers computed in one way.
    """

    about: ClassVar[About] = About(
        name="warp_error", title="Warp error", group="motion and steadiness", better="lower", unit="×10⁻³"
    )

    def __init__(self, comparison: Comparison) -> None:
        check_length(comparison)
        self._averages = Averages()
        self._visible = Averages()
        self._flow = comparison.tools.flow.name

    def update(self, step: Step) -> None:
        if step.before is None:
            return
        visible = step.motion.visible
        self._visible.add(float(visible.float().mean()))
        if visible.any():
            errors = (step.before.result - step.motion.warped(step.now.result)).square().mean(0, keepdim=True)
            for part, region in step.before.regions.items():
                if (seen := visible & region).any():
                    self._averages.add(1000 * float(errors[seen].double().mean()), part)

    def scores(self) -> list[Score]:
        how = f"source's flow by {self._flow}; {100 * self._visible.of():.0f} % visible"
        return self._averages.scores(self.about, how)


def check_length(comparison: Comparison) -> None:
    """Makes sure that something can move."""
    if len(comparison.result) < 2:
        raise Unavailable("it compares consecutive frames, and there is only one")
