"""Attention hooks: small changes to what attention layers compute, composed like middleware.

A hook wraps the computation at one of two places and decides how to `proceed`: `around_attention` sees
queries, keys and values; `around_layer` sees the layer's input tokens. Hooks nest, the first outermost, and
hold no clocks or counters: where and when they are is told by `Call`.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from ..typing import Attended, Keys, Queries, Tokens, Values
from .layers import Layer

if TYPE_CHECKING:
    from .control import AttentionControl

Attend = Callable[[Queries, Keys, Values], Attended]
"""softmax(q kᵀ) v, with the hooks further in around it."""
View = Float[Tensor, "branches times positions *width"]
Features = Float[Tensor, "B C h w"]


@dataclass(frozen=True)
class Call:
    """One evaluation of one layer: where in the network, and when on the trajectory."""

    layer: Layer
    step: int
    """Index of the sampling step; 0 is the noisiest."""
    branches: int
    """Clips in the pass. The batch is branch-major; a hook further out may have passed on fewer."""
    times: int
    """Latents in each clip."""
    grid: tuple[int, int]
    """Rows and columns of the layer's positions."""

    @property
    def per_branch(self) -> int:
        """Rows of the batch in each branch."""
        match self.layer.rows:
            case "frames":
                return self.times
            case "positions":
                return self.grid[0] * self.grid[1]
            case "clips":
                return 1

    def split(self, *tensors: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Parts each tensor into (all branches but the last, the last branch).

        The last branch is the one under edit; those before it (the empty prompt, say) run along untouched.
        """
        return tuple(t[: -self.per_branch] for t in tensors), tuple(t[-self.per_branch :] for t in tensors)

    def view(self, x: Tensor) -> View:
        """A layer's tokens, or its queries, keys or values, by branch, time and position.

        Args:
            x: In the layer's own layout: [rows of the batch, tokens, C], or heads between the two.
        """
        tokens = x.movedim(-2, 1)  # Heads, if there are any, go behind.
        match self.layer.rows:
            case "frames":
                return torch.unflatten(tokens, 0, (-1, self.times))
            case "positions":
                return torch.unflatten(tokens, 0, (-1, self.per_branch)).transpose(1, 2)
            case "clips":
                return torch.unflatten(tokens, 1, (self.times, -1))

    def back(self, x: View) -> Tensor:
        """The same in the layer's own layout: undoes `view`."""
        match self.layer.rows:
            case "frames":
                tokens = x.flatten(0, 1)
            case "positions":
                tokens = x.transpose(1, 2).flatten(0, 1)
            case "clips":
                tokens = x.flatten(1, 2)
        return tokens.movedim(1, -2)


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

    def on(self, control: "AttentionControl") -> AbstractContextManager[None]:
        """A block in which the hook holds: what makes it a `Change`."""
        return control.changed(self)


class FeatureHook(AttentionHook):
    """Changes what one module of the network puts out; attention stays as it is."""

    module: str
    """The module's path, such as `up_blocks.1.resnets.1.conv2`."""

    def applies(self, layer: Layer) -> bool:
        return False

    def after(self, frames: int, features: Features) -> Features:
        """Returns what is to replace the module's output, of `frames` frames in each branch."""
        raise NotImplementedError
