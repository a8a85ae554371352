"""Temporal attention, in which each position attends to itself at other times, taken over from elsewhere."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from ..typing import Keys, Queries, Tokens
from .hooks import Attend, AttentionHook, Call
from .layers import Layer


@dataclass(frozen=True)
class FollowMotion(AttentionHook):
    """The last branch attends over time as the first one does: it moves as the source moves.

    With the source's queries and keys and its own values, which is the source's map times those values
    (I2VEdit, Ouyang et al., 2024, "temporal attention injection").
    """

    layers: frozenset[Layer]

    def applies(self, layer: Layer) -> bool:
        return layer.attends == "time" and layer in self.layers

    def around_attention(self, call: Call, q: Queries, k: Keys, v: Keys, proceed: Attend) -> Queries:
        others, (_, _, own_v) = call.split(q, k, v)
        following = proceed(q[: call.per_branch], k[: call.per_branch], own_v)
        return torch.cat([proceed(*others), following])


class KeptKeys(NamedTuple):
    """What one layer's temporal attention looked up, in all branches."""

    k: Keys
    v: Keys


@dataclass(frozen=True)
class RecordKeys(AttentionHook):
    """Keeps the keys and values of temporal attention."""

    into: dict[str, KeptKeys] = field(default_factory=dict[str, KeptKeys], repr=False)

    def applies(self, layer: Layer) -> bool:
        return layer.attends == "time"

    def around_attention(self, call: Call, q: Queries, k: Keys, v: Keys, proceed: Attend) -> Queries:
        self.into[call.layer.name] = KeptKeys(k, v)
        return proceed(q, k, v)


@dataclass(frozen=True)
class PrependKeys(AttentionHook):
    """Temporal attention also looks at another clip, whose keys and values come before the own ones.

    With the first clip's, later clips keep its look (I2VEdit, "skip-interval cross-attention").
    """

    kept: Mapping[str, KeptKeys] = field(repr=False)

    def applies(self, layer: Layer) -> bool:
        return layer.attends == "time"

    def around_attention(self, call: Call, q: Queries, k: Keys, v: Keys, proceed: Attend) -> Queries:
        other = self.kept[call.layer.name]
        return proceed(q, torch.cat([other.k, k], 2), torch.cat([other.v, v], 2))


@dataclass(frozen=True)
class SingleToken(AttentionHook):
    """Cross-attention to a context of one token, computed once for all passes with the same contexts.

    The softmax over one token is 1: whatever asks, the layer gives the token's value. Only the first pass
    computes it, for one position; the projections of queries and keys are never needed again.
    """

    known: dict[tuple[str, int], Tensor] = field(default_factory=dict[tuple[str, int], Tensor], repr=False)

    def applies(self, layer: Layer) -> bool:
        return layer.attends == "picture"

    def around_layer(self, call: Call, x: Tokens, proceed: Callable[[Tokens], Tokens]) -> Tokens:
        place = call.layer.name, len(x) // call.per_branch
        if place not in self.known:
            self.known[place] = one_for_each(proceed(x[:, :1]), call.per_branch)
        constant = self.known[place]
        return constant.repeat_interleave(len(x) // len(constant), 0).expand_as(x)


def one_for_each(constant: Tensor, rows: int) -> Tensor:
    """One row for each branch, as all rows of a branch are equal."""
    return constant[::rows].clone()


def deep_layers(layers: Iterable[Layer]) -> frozenset[Layer]:
    """The temporal layers that set the coarse motion, as published.

    These are the fifth and sixth of the encoder, all of the middle, and the first two of the decoder, in the
    order of computation.
    """
    temporal = [layer for layer in layers if layer.attends == "time"]
    stages = {name: [layer for layer in temporal if layer.stage == name] for name in ("down", "mid", "up")}
    return frozenset([*stages["down"][4:6], *stages["mid"], *stages["up"][:2]])
