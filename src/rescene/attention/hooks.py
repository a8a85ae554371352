"""Attention hooks: small changes to what attention layers compute, composed like middleware.

A hook wraps the computation at one of two places and decides how to `proceed`: `around_attention` sees
queries, keys and values; `around_layer` sees the layer's input tokens. Hooks nest, the first outermost, and
hold no clocks or counters: where and when they are is told by `Call`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from ..typing import Attended, Keys, Queries, Tokens, Values
from .layers import Layer

Attend = Callable[[Queries, Keys, Values], Attended]
"""softmax(q kᵀ) v, with the hooks further in around it."""


@dataclass(frozen=True)
class Call:
    """One evaluation of one layer: where in the network, and when on the trajectory."""

    layer: Layer
    step: int
    """Index of the sampling step; 0 is the noisiest."""
    frames: int
    """Frames in each branch: the batch is branches times frames, branch-major, but for temporal layers."""
    grid: tuple[int, int]
    """Rows and columns of the layer's positions."""

    @property
    def rows(self) -> int:
        """Rows of the batch in each branch: frames, or positions in temporal layers."""
        return self.grid[0] * self.grid[1] if self.layer.is_temporal else self.frames

    def split(self, *tensors: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Parts each tensor into (all branches but the last, the last branch).

        The last branch is the one under edit; those before it (the empty prompt, say) run along untouched.
        """
        return tuple(t[: -self.rows] for t in tensors), tuple(t[-self.rows :] for t in tensors)


class AttentionHook:
    """Changes what attention layers compute; the identity by default.

    Subclass it and override what you need.
    """

    def applies(self, layer: Layer) -> bool:
        """Whether this hook is to be installed at `layer`."""
        return True

    def around_layer(self, call: Call, x: Tokens, proceed: Callable[[Tokens], Tokens]) -> Tokens:
        """Wraps the whole layer, projections included."""
        return proceed(x)

    def around_attention(self, call: Call, q: Queries, k: Keys, v: Keys, proceed: Attend) -> Queries:
        """Wraps softmax(q kᵀ) v; `proceed` may be called any number of times, also on fewer branches."""
        return proceed(q, k, v)
