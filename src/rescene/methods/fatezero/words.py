"""Cross-attention control: the edited branch reads some of its words where the source read its own.

Prompt-to-Prompt (Hertz et al., ICLR 2023) replaces, refines and reweighs columns of the map softmax(q kᵀ).
All of it is linear in the columns and the same for every row, so it moves from the map into the values:
softmax(q₀ k₀ᵀ) (fold v) + softmax(q kᵀ) (own v). No map is ever written out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from ...attention import Attend, AttentionHook, Call, Layer, LayerPredicate
from ...typing import Keys, Queries


@dataclass(frozen=True)
class FollowWords(AttentionHook):
    """The last branch attends to its words partly as the source attended to its own."""

    source: Mapping[str, Tensor] = field(repr=False)
    layers: LayerPredicate
    fold: Float[Tensor, "L0 L"] = field(repr=False)
    """How much of target word n's value is read where the source attended to its word m."""
    own: Float[Tensor, " L"] = field(repr=False)
    """How much of target word n's value is read where the target itself attends to it."""

    def applies(self, layer: Layer) -> bool:
        return layer.attends == "words" and self.layers(layer)

    def around_attention(self, call: Call, q: Queries, k: Keys, v: Keys, proceed: Attend) -> Queries:
        others, (own_q, own_k, own_v) = call.split(q, k, v)
        fold, own = self.fold.to(v), self.own.to(v)
        out = proceed(self.source[f"{call.layer.name}.q"], self.source[f"{call.layer.name}.k"], fold @ own_v)
        if own.any():
            out = out + proceed(own_q, own_k, own[:, None] * own_v)
        return torch.cat([proceed(*others), out]) if len(others[0]) else out
