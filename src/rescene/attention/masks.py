"""Where a word is in the picture: heat maps and masks from cross-attention."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..typing import Heat, Keys, Masks, Queries
from .hooks import Attend, AttentionHook, Call
from .layers import Layer, LayerPredicate

MASK_SIDE = 16
"""Cross-attention localises words best at about 16 by 16 positions (Prompt-to-Prompt; FateZero)."""


def word_level(height: int, width: int, layers: Sequence[Layer]) -> int:
    """The level whose cross-attention shows words best: nearest to `MASK_SIDE` positions on a side.

    The middle block is left out, as in FateZero: one layer alone is noisy.

    Args:
        height: Rows of the latents.
        width: Columns of the latents.
        layers: The network's layers.
    """
    watched = [layer for layer in layers if layer.attends == "words" and layer.stage != "mid"]
    sides = {layer.level: layer.grid(height, width) for layer in watched}
    return min(sides, key=lambda level: (abs(math.log(math.prod(sides[level]) / MASK_SIDE**2)), level))


@dataclass(frozen=True)
class WatchWords(AttentionHook):
    """Adds up how much the last branch's positions attend to each token: the only maps computed whole."""

    layers: LayerPredicate
    _seen: list[Heat] = field(default_factory=list[Heat], init=False, repr=False)

    def applies(self, layer: Layer) -> bool:
        return layer.attends == "words" and layer.stage != "mid" and self.layers(layer)

    def around_attention(self, call: Call, q: Queries, k: Keys, v: Keys, proceed: Attend) -> Queries:
        _, (own_q, own_k) = call.split(q, k)
        scores = own_q.float() @ own_k.float().mT / own_q.shape[-1] ** 0.5
        heat = torch.unflatten(scores.softmax(-1).mean(1).mT, -1, call.grid)
        self._seen[:] = [self._seen[0] + heat] if self._seen else [heat]
        return proceed(q, k, v)

    def heat(self) -> Heat:
        """The sum over all layers, averaged over their heads, and steps. Only its relative size matters."""
        return self._seen[0].contiguous()


@dataclass(frozen=True)
class WordMask:
    """The positions that attend to some words, at any resolution (FateZero, "attention map blending")."""

    heat: Float[Tensor, "F h w"] = field(repr=False)
    threshold: float
    """Positions above this share of the frame's strongest response belong to the mask."""

    @classmethod
    def of(cls, heat: Heat, tokens: Sequence[int], threshold: float) -> "WordMask":
        """The mask of the words at the positions `tokens` of the prompt, each spread to its neighbours."""
        return cls(F.max_pool2d(heat[:, list(tokens)].sum(1), 3, stride=1, padding=1), threshold)

    def at(self, grid: tuple[int, int]) -> Masks:
        """The mask for a layer of that many rows and columns."""
        resized = F.interpolate(self.heat[:, None], grid, mode="nearest")[:, 0]
        # The strongest response is looked up after resizing: a coarse grid may have skipped the finer's peak.
        return resized > self.threshold * resized.amax((1, 2), keepdim=True)
