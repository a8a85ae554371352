"""Flicker: how much brightness jumps to and fro."""

from dataclasses import replace
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from .averages import Averages
from .comparison import Comparison, Step
from .metric import About, Score, Unavailable


class Flicker:
    """Mean absolute second difference over time.

    Formula: mean over t, pixels and RGB of |rₜ₋₁ − 2 rₜ + rₜ₊₁|, in levels of 0 to 255. Even change costs
    nothing.
    Range: 0 to 510; lower is steadier. Motion raises it too: read it against the source's, which is given
    beside it.
    Source: a second difference in time, as in total variation of second order; no paper's number.
    """

    about: ClassVar[About] = About(
        name="flicker", title="Flicker", group="motion and steadiness", better="lower", unit="of 255"
    )

    def __init__(self, comparison: Comparison) -> None:
        if len(comparison.result) < 3:
            raise Unavailable(f"it needs three frames, and there are {len(comparison.result)}")
        self._averages = Averages()
        self._change: Float[Tensor, "2 3 H W"] | None = None

    def update(self, step: Step) -> None:
        if step.before is None:
            return
        pairs = (step.now.result, step.before.result), (step.now.source, step.before.source)
        change = torch.stack([now - before for now, before in pairs])
        if self._change is not None:
            result, source = 255 * (change - self._change).abs().mean((1, 2, 3))
            self._averages.add(float(result))
            self._averages.add(float(source), "source")
        self._change = change

    def scores(self) -> list[Score]:
        result, source = self._averages.scores(self.about, "mean absolute second difference")
        return [result, replace(source, about=replace(self.about, better="neither"))]
