"""TokenFlow's propagation (Geyer et al., ICLR 2024): other frames copy what was computed for a few pivots.

The source tells which position of a pivot each position of a frame corresponds to. What self-attention put
out there, in any branch, is copied instead of being computed.
"""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from ..typing import Tokens
from .hooks import AttentionHook, Call
from .layers import Layer

MOST_SCORES = 2**21
"""Similarities that are held at once while looking for correspondences."""


class PivotFeatures(NamedTuple):
    """What one layer computed for the pivots."""

    tokens: Float[Tensor, "P N C"]
    """The source's input tokens, normalised to length one."""
    outputs: Float[Tensor, "branches P N C"]
    """The layer's outputs."""


Shares = Sequence[tuple[int, float]]
"""What makes up one frame: one or two pivots by position, each with its weight."""
MOST_SHARES = 2


@dataclass(frozen=True)
class RecordPivots(AttentionHook):
    """Keeps what self-attention put out by layer, and what it was given in the first branch, the source."""

    into: MutableMapping[str, PivotFeatures] = field(repr=False)

    def applies(self, layer: Layer) -> bool:
        return layer.is_self

    def around_layer(self, call: Call, x: Tokens, proceed: Callable[[Tokens], Tokens]) -> Tokens:
        out = proceed(x)
        tokens = F.normalize(x[: call.frames], dim=-1)
        self.into[call.layer.name] = PivotFeatures(tokens, torch.unflatten(out, 0, (-1, call.frames)))
        return out


Found = dict[str, Int[Tensor, "_ _ _"]]
"""Correspondences by layer: frames, pivots that they copy from, and for each position that of the pivot."""


@dataclass(frozen=True)
class Propagate(AttentionHook):
    """Frames copy the pivots' outputs instead of attending (TokenFlow, eq. 3 and 4)."""

    pivots: Mapping[str, PivotFeatures] = field(repr=False)
    shares: Sequence[Shares]
    """For each frame, the pivots that it copies from."""
    found: Found = field(repr=False)
    """What corresponds to what. For layers that it lacks it is found, from the first branch, and put in."""

    def only(self, branches: slice) -> "Propagate":
        """The same for some of the branches that were recorded."""
        pivots = {
            name: PivotFeatures(each.tokens, each.outputs[branches]) for name, each in self.pivots.items()
        }
        return Propagate(pivots, self.shares, self.found)

    def applies(self, layer: Layer) -> bool:
        return layer.is_self

    def around_layer(self, call: Call, x: Tokens, proceed: Callable[[Tokens], Tokens]) -> Tokens:
        pivots = self.pivots[call.layer.name]
        if call.layer.name not in self.found:
            self.found[call.layer.name] = self._find(x[: call.frames], pivots)
        found = self.found[call.layer.name].to(x.device, torch.long)
        out = torch.unflatten(torch.zeros_like(x), 0, (-1, call.frames))
        for frame, shares in enumerate(self.shares):
            for number, (pivot, weight) in enumerate(shares):
                copied = pivots.outputs[:, pivot].index_select(1, found[frame, number])
                out[:, frame].add_(copied, alpha=weight)
        return out.flatten(0, 1)

    def _find(self, source: Tokens, pivots: PivotFeatures) -> Int[Tensor, "frames shares positions"]:
        kind = torch.int16 if pivots.tokens.shape[1] <= torch.iinfo(torch.int16).max else torch.int32
        found = torch.zeros(len(source), MOST_SHARES, source.shape[1], dtype=kind, device=source.device)
        for frame, shares in enumerate(self.shares):
            for number, (pivot, _) in enumerate(shares):
                found[frame, number] = nearest(source[frame], pivots.tokens[pivot])
        return found


def nearest(x: Float[Tensor, "N C"], keys: Float[Tensor, "M C"]) -> Int[Tensor, " N"]:
    """For each token of `x`, which of the normalised `keys` is the most similar by cosine.

    The queries' lengths don't matter to an argmax, so they aren't normalised; sums are kept in float32.
    """
    columns = keys.float().T
    rows = max(1, MOST_SCORES // len(keys))
    return torch.cat([(tile.float() @ columns).argmax(-1) for tile in torch.split(x, rows)])
