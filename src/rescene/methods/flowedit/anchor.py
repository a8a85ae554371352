"""FlowAnchor's refinement of attention (2026, arXiv 2604.22586): words of the target stay inside a mask."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from ...attention import Attend, AttentionHook, Call, Layer
from ...typing import Attended, Keys, Queries, Values

UNTIL_LEVEL = 0.6
"""The refinement holds at this share of noise and above, where the layout is decided."""
MOST_SCORES = 2**24
"""Scores of attention that are written out at a time."""


@dataclass(frozen=True, eq=False)
class Anchor(AttentionHook):
    """Draws attention to some words into a mask, in the last branch; hooks further in don't see that branch.

    Scores A of positions i and the prompt's own tokens j are moved a share of the way:

    1. inside the mask, those of the words to the position's highest score, those of other tokens to its
       lowest;
    2. of the words, those inside the mask to the token's highest over all positions, those outside to its
       lowest.
    """

    mask: Float[Tensor, "T h w"]
    """On latents; where it is above 0 is inside."""
    words: tuple[int, ...]
    """Positions of the words' tokens in the prompt."""
    tokens: int
    """The prompt's own tokens, marks included, padding not."""
    shares: tuple[float, float] = (0.3, 0.3)
    """How far scores are moved in each: beta 1 and 2 in the paper."""

    def applies(self, layer: Layer) -> bool:
        return layer.attends == "words"

    def around_attention(self, call: Call, q: Queries, k: Keys, v: Values, proceed: Attend) -> Attended:
        rest, (own_q, own_k, own_v) = call.split(q, k, v)
        pooled = F.adaptive_max_pool2d(self.mask[:, None], call.grid)[:, 0] > 0
        inside = pooled.to(q.device).reshape(len(own_q), 1, -1, 1)
        anchored = self._attend(own_q, own_k, own_v, inside)
        return torch.cat([proceed(*rest), anchored]) if len(rest[0]) else anchored

    def _attend(self, q: Queries, k: Keys, v: Values, inside: Bool[Tensor, "B 1 N 1"]) -> Attended:
        words, found = list(self.words), list[Tensor]()
        columns = torch.cat([scores[..., words] for scores, _ in self._scores(q, k, inside)], dim=2)
        highest, lowest = columns.amax((0, 2)), columns.amin((0, 2))
        for scores, here in self._scores(q, k, inside):
            own = scores[..., words]
            aim = torch.where(here, highest[:, None], lowest[:, None])
            scores[..., words] = own + self.shares[1] * (aim - own)
            found.append(scores.softmax(-1).to(v) @ v)
        return torch.cat(found, dim=2)

    def _scores(
        self, q: Queries, k: Keys, inside: Bool[Tensor, "B 1 N 1"]
    ) -> Iterator[tuple[Float[Tensor, "B K n M"], Bool[Tensor, "B 1 n 1"]]]:
        """Yields scores after the first step, and what is inside, for some positions at a time."""
        is_word = torch.zeros(self.tokens, dtype=torch.bool, device=q.device)
        is_word[list(self.words)] = True
        count = max(1, MOST_SCORES // (len(q) * q.shape[1] * k.shape[2]))
        for part, here in zip(q.split(count, 2), inside.split(count, 2), strict=True):
            scores = part.float() @ k.float().mT / q.shape[-1] ** 0.5
            own = scores[..., : self.tokens]
            aim = torch.where(is_word, own.amax(-1, keepdim=True), own.amin(-1, keepdim=True))
            scores[..., : self.tokens] = torch.where(here, own + self.shares[0] * (aim - own), own)
            yield scores, here
