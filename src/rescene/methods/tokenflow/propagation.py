"""TokenFlow's propagation (Geyer et al., ICLR 2024): other frames copy what was computed for a few pivots.

The source tells which position of a pivot each position of a frame corresponds to. What self-attention put
out there, in any branch, is copied instead of being computed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from ...attention import Attend, AttentionHook, Call, Layer
from ...typing import Attended, Keys, Queries, Tokens, Values

MOST_SCORES = 2**21
"""Similarities that are held at once while looking for correspondences."""


PivotOutputs = dict[str, Float[Tensor, "branches P N C"]]
"""What self-attention put out for the pivots, by layer."""
PivotTokens = dict[str, Float[Tensor, "P N C"]]
"""The source's input tokens of the pivots by layer, normalised to length one."""
Shares = Sequence[tuple[int, float]]
"""What makes up one frame: one or two pivots by position, each with its weight."""
MOST_SHARES = 2
Found = dict[str, Int[Tensor, "_ _ _"]]
"""Correspondences by layer: frames, pivots that they copy from, and for each position that of the pivot."""


@dataclass(frozen=True)
class RecordOutputs(AttentionHook):
    """Keeps what self-attention put out."""

    into: PivotOutputs = field(default_factory=PivotOutputs, repr=False)

    def applies(self, layer: Layer) -> bool:
        return layer.attends == "frame"

    def around_layer(self, call: Call, x: Tokens, proceed: Callable[[Tokens], Tokens]) -> Tokens:
        out = proceed(x)
        self.into[call.layer.name] = torch.unflatten(out, 0, (-1, call.times))
        return out


@dataclass(frozen=True)
class RecordTokens(AttentionHook):
    """Keeps what self-attention was given in the first branch, the source."""

    into: PivotTokens = field(default_factory=PivotTokens, repr=False)

    def applies(self, layer: Layer) -> bool:
        return layer.attends == "frame"

    def around_layer(self, call: Call, x: Tokens, proceed: Callable[[Tokens], Tokens]) -> Tokens:
        self.into[call.layer.name] = F.normalize(x[: call.times], dim=-1)
        return proceed(x)


@dataclass(frozen=True)
class Correspond(AttentionHook):
    """Finds which position of the pivots each position of the source corresponds to (TokenFlow, eq. 3)."""

    tokens: Mapping[str, Float[Tensor, "P N C"]] = field(repr=False)
    """The pivots' source tokens, as `RecordTokens` kept them."""
    shares: Sequence[Shares]
    """For each frame, the pivots that it is compared with."""
    into: Found = field(default_factory=Found, repr=False)

    def applies(self, layer: Layer) -> bool:
        return layer.attends == "frame"

    def around_layer(self, call: Call, x: Tokens, proceed: Callable[[Tokens], Tokens]) -> Tokens:
        tokens = self.tokens[call.layer.name]
        kind = torch.int16 if tokens.shape[1] <= torch.iinfo(torch.int16).max else torch.int32
        found = torch.zeros(call.times, MOST_SHARES, x.shape[1], dtype=kind, device=x.device)
        for frame, shares in enumerate(self.shares):
            for number, (pivot, _) in enumerate(shares):
                found[frame, number] = nearest(x[frame], tokens[pivot])
        self.into[call.layer.name] = found
        return proceed(x)


@dataclass(frozen=True)
class PropagateFeatures(AttentionHook):
    """Frames copy the pivots' outputs instead of attending (TokenFlow, eq. 4)."""

    outputs: Mapping[str, Float[Tensor, "branches P N C"]] = field(repr=False)
    """Those of the branches that are predicted, as `RecordOutputs` kept them."""
    shares: Sequence[Shares]
    """For each frame, the pivots that it copies from."""
    found: Mapping[str, Int[Tensor, "_ _ _"]] = field(repr=False)
    """What corresponds to what. `Correspond` may fill it in, if it is further out."""

    def applies(self, layer: Layer) -> bool:
        return layer.attends == "frame"

    def around_layer(self, call: Call, x: Tokens, proceed: Callable[[Tokens], Tokens]) -> Tokens:
        outputs = self.outputs[call.layer.name]
        found = self.found[call.layer.name].to(x.device, torch.long)
        out = torch.unflatten(torch.zeros_like(x), 0, (-1, call.times))
        for frame, shares in enumerate(self.shares):
            for number, (pivot, weight) in enumerate(shares):
                copied = outputs[:, pivot].index_select(1, found[frame, number])
                out[:, frame].add_(copied, alpha=weight)
        return out.flatten(0, 1)


@dataclass(frozen=True)
class AllFrames(AttentionHook):
    """Frames attend to the keys and values of all frames of their branch (TokenFlow, "extended attention").

    A branch becomes one sequence of frames times positions: nothing is repeated, and the attention kernel
    tiles it.
    """

    def applies(self, layer: Layer) -> bool:
        return layer.attends == "frame"

    def around_attention(self, call: Call, q: Queries, k: Keys, v: Values, proceed: Attend) -> Attended:
        return part(proceed(*(join(x, call.times) for x in (q, k, v))), call.times)


def join(x: Values, frames: int) -> Float[Tensor, "branches K positions V"]:
    """One sequence for all frames of a branch."""
    return torch.unflatten(x, 0, (-1, frames)).transpose(1, 2).flatten(2, 3)


def part(x: Float[Tensor, "branches K positions V"], frames: int) -> Attended:
    """One sequence for each frame again."""
    return torch.unflatten(x, 2, (frames, -1)).transpose(1, 2).flatten(0, 1)


def nearest(x: Float[Tensor, "N C"], keys: Float[Tensor, "M C"]) -> Int[Tensor, " N"]:
    """For each token of `x`, which of the normalised `keys` is the most similar by cosine.

    The queries' lengths don't matter to an argmax, so they aren't normalised; sums are kept in float32.
    """
    columns = keys.float().T
    rows = max(1, MOST_SCORES // len(keys))
    return torch.cat([(tile.float() @ columns).argmax(-1) for tile in torch.split(x, rows)])
