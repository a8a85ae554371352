"""Keeping the source video's attention and attending as it did.

Replacing an attention map needs no map: softmax(q₀ k₀ᵀ) v is attention with the source's queries and keys. A
mask that is constant along a row commutes with the product, so masked replacement blends two outputs, not two
maps: where(mask, attend(q, k, v), attend(q₀, k₀, v)). Both are exact (FateZero, "inversion attention fusion"
and "attention map blending").
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..typing import Keys, Queries
from .hooks import Attend, AttentionHook, Call
from .layers import Layer, LayerPredicate
from .masks import WordMask

Attention = dict[str, Tensor]
"""One step's queries and keys by layer: `NAME.q` and `NAME.k`."""


@dataclass(frozen=True)
class Record(AttentionHook):
    """Copies queries and keys, as they are before hooks further in change them."""

    layers: LayerPredicate
    into: Attention = field(default_factory=Attention, repr=False)

    def applies(self, layer: Layer) -> bool:
        return layer.rows != "positions" and self.layers(layer)

    def around_attention(self, call: Call, q: Queries, k: Keys, v: Keys, proceed: Attend) -> Queries:
        # As they come back from a file: how products round depends on the layout.
        self.into.update({f"{call.layer.name}.q": q.contiguous(), f"{call.layer.name}.k": k.contiguous()})
        return proceed(q, k, v)


@dataclass(frozen=True)
class Follow(AttentionHook):
    """The last branch attends as the source did: with its queries and keys, and the branch's own values."""

    source: Mapping[str, Tensor] = field(repr=False)
    layers: LayerPredicate
    edited: WordMask | None = field(default=None, repr=False)
    """Positions that keep their own attention (FateZero's attention blending); none if None."""

    def applies(self, layer: Layer) -> bool:
        return layer.attends in ("frame", "clip") and self.layers(layer)

    def around_attention(self, call: Call, q: Queries, k: Keys, v: Keys, proceed: Attend) -> Queries:
        others, (own_q, own_k, own_v) = call.split(q, k, v)
        out = proceed(self.source[f"{call.layer.name}.q"], self.source[f"{call.layer.name}.k"], own_v)
        if self.edited is not None:
            # A row of the batch for each frame, or one for the clip.
            rows = self.edited.at(call.grid).reshape(call.per_branch, 1, -1, 1)
            out = torch.where(rows, proceed(own_q, own_k, own_v), out)
        return torch.cat([proceed(*others), out]) if len(others[0]) else out
