"""Token merging: self-attention at full resolution over fewer positions (Bolya and Hoffman, 2023)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from ...attention import AttentionHook, Call, Layer
from ...sampling.noise import generator
from ...typing import Tokens

CELL = 2
"""One position of each cell of this many rows and columns stays; up to all others are merged into those."""


@dataclass(frozen=True)
class MergeTokens(AttentionHook):
    """Averages the most similar positions before self-attention and copies its result back to all of them.

    Which positions can stay depends on the seed, the step and the layer alone: frames are merged in the same
    places, however many are computed together.
    """

    ratio: float
    """Share of the positions to merge away: 0.5 halves the tokens. At most three quarters can be."""
    seed: int = 0

    def applies(self, layer: Layer) -> bool:
        return layer.attends == "frame" and layer.level == 0 and self.ratio > 0

    def around_layer(self, call: Call, x: Tokens, proceed: Callable[[Tokens], Tokens]) -> Tokens:
        merging = Merging.of(self.compared(call, x), self.staying(call).to(x.device), self.ratio)
        return merging.undo(proceed(merging(x)))

    def compared(self, call: Call, x: Tokens) -> Tokens:
        """What makes positions similar: the layer's own input."""
        return x

    def staying(self, call: Call) -> Int[Tensor, " D"]:
        """The positions that others are merged into: one drawn from each cell."""
        shape = call.grid[0] // CELL, call.grid[1] // CELL
        drawn = torch.randint(
            CELL**2, shape, generator=generator(self.seed, "merge", call.step, call.layer.name)
        )
        return cell_positions(drawn, call.grid)


def cell_positions(choice: Int[Tensor, "r c"], grid: tuple[int, int]) -> Int[Tensor, " D"]:
    """The position that each cell chose from its own, counted row by row, within the grid."""
    rows = CELL * torch.arange(choice.shape[0])[:, None] + choice // CELL
    columns = CELL * torch.arange(choice.shape[1])[None] + choice % CELL
    return (rows * grid[1] + columns).flatten()


@dataclass(frozen=True)
class Merging:
    """Which positions go where, for each item of a batch."""

    positions: int
    destinations: Int[Tensor, " D"]
    kept: Int[Tensor, "B K"]
    """Other positions that stay by themselves."""
    merged: Int[Tensor, "B M"]
    into: Int[Tensor, "B M"]
    """The index among `destinations` that each merged position goes to."""

    @classmethod
    def of(cls, x: Tokens, destinations: Int[Tensor, " D"], ratio: float) -> "Merging":
        """Matches every position with its most similar destination and merges the best matches."""
        positions = x.shape[1]
        is_source = torch.ones(positions, dtype=torch.bool, device=x.device)
        is_source[destinations] = False
        sources = is_source.nonzero()[:, 0]
        unit = F.normalize(x, dim=-1)
        similarity, nearest = (unit[:, sources] @ unit[:, destinations].mT).max(-1)
        order = similarity.argsort(-1, descending=True)
        count = min(int(positions * ratio), len(sources))
        return cls(
            positions=positions,
            destinations=destinations,
            kept=sources[order[:, count:]],
            merged=sources[order[:, :count]],
            into=nearest.gather(1, order[:, :count]),
        )

    def __call__(self, x: Tokens) -> Float[Tensor, "B S C"]:
        """The positions that stay, then the destinations, averaged with what was merged into them."""
        taken = x.gather(1, _wide(self.merged, x))
        means = x[:, self.destinations].scatter_reduce(1, _wide(self.into, x), taken, reduce="mean")
        return torch.cat([x.gather(1, _wide(self.kept, x)), means], dim=1)

    def undo(self, x: Float[Tensor, "B S C"]) -> Tokens:
        """All positions again; merged ones are copies of their destination."""
        kept, means = x[:, : self.kept.shape[1]], x[:, self.kept.shape[1] :]
        whole = x.new_empty(len(x), self.positions, x.shape[-1])
        whole[:, self.destinations] = means
        whole.scatter_(1, _wide(self.kept, x), kept)
        return whole.scatter_(1, _wide(self.merged, x), means.gather(1, _wide(self.into, x)))


def _wide(index: Int[Tensor, "B K"], x: Tensor) -> Int[Tensor, "B K C"]:
    return index[..., None].expand(-1, -1, x.shape[-1])
