"""Attending as a source does wherever an edit still resembles it (I2VEdit, Ouyang et al., 2024).

The source runs along as the first branch of the same forward pass, so that its queries and keys are at hand
and nothing is stored. The edit is the last branch.
"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from ...attention import Attend, AttentionHook, Call, Layer
from ...typing import Keys, Queries

TILE = 2**24
"""Probabilities that are held at once: 64 MB."""


@dataclass(frozen=True)
class MatchSpatial(AttentionHook):
    """The edit's positions attend as the source's do, the less so the more their attention differs.

    A position whose attention differs by d takes (1 - d) of what the source's attention gives and d of its
    own; from its frame's threshold on it keeps its own ("fine-grained attention matching"). One number for a
    whole row of the map commutes with the product, so that outputs are mixed and never maps.
    """

    thresholds: Float[Tensor, " F"] = field(repr=False)
    """For each frame, between 0 (always its own) and 1."""

    def applies(self, layer: Layer) -> bool:
        return layer.attends == "frame"

    def around_attention(self, call: Call, q: Queries, k: Keys, v: Keys, proceed: Attend) -> Queries:
        source_q, source_k = q[: call.per_branch], k[: call.per_branch]
        _, (own_q, own_k, own_v) = call.split(q, k, v)
        out = proceed(q, k, v)
        own, following = out[-call.per_branch :], proceed(source_q, source_k, own_v)
        differing = total_variation(own_q, own_k, source_q, source_k)
        differing = differing.masked_fill(differing >= self.thresholds.to(differing)[:, None], 1.0)
        share = differing[:, None, :, None].to(out.dtype)
        return torch.cat([out[: -call.per_branch], (1 - share) * following + share * own])


def total_variation(q: Queries, k: Keys, other_q: Queries, other_k: Keys) -> Float[Tensor, "B N"]:
    """How much two attentions differ at each position: half the sum of |p - p'|, as a mean over the heads.

    Neither map is ever whole: rows are independent, and a tile of them is normalised by its log-sum-exp.

    Returns:
        In [0, 1], in float32.
    """
    batch, heads, positions = q.shape[:3]
    rows = max(1, TILE // (batch * heads * k.shape[2]))
    found = q.new_empty(batch, positions, dtype=torch.float32)
    for start in range(0, positions, rows):
        tile = slice(start, start + rows)
        difference = _probabilities(q[:, :, tile], k).sub_(_probabilities(other_q[:, :, tile], other_k))
        found[:, tile] = difference.abs_().sum(-1).mean(1) / 2
    return found.clamp(0, 1)


def _probabilities(q: Queries, k: Keys) -> Float[Tensor, "B K N M"]:
    scores = (q.float() * q.shape[-1] ** -0.5) @ k.float().mT
    return scores.sub_(scores.logsumexp(-1, keepdim=True)).exp_()
