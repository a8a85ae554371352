"""The attention that hooks go around: softmax(q kᵀ / √D) v, never with a whole map in memory."""

import torch.nn.functional as F

from ..typing import Attended, Keys, Queries, Values

TILE = 2**18
"""Probabilities that are held at once where values are wider than keys: a megabyte, to fit a cache."""


def attend(q: Queries, k: Keys, v: Values) -> Attended:
    """Attention, exact and tiled. Values may be wider than keys: several branches' side by side share a map.

    PyTorch's kernels for processors need equal widths and would make the whole map otherwise.
    """
    if v.shape[-1] == q.shape[-1] or q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v)
    columns = k.mT * q.shape[-1] ** -0.5
    rows = max(1, TILE // k.shape[-2])
    out = q.new_empty(*q.shape[:-1], v.shape[-1])
    for item in range(len(q)):
        for head in range(q.shape[1]):
            for start in range(0, q.shape[2], rows):
                tile = slice(start, start + rows)
                scores = (q[item, head, tile] @ columns[item, head]).float()
                out[item, head, tile] = scores.softmax(-1).to(v) @ v[item, head]
    return out
