"""Teaches the words where they are: a loss on cross-attention, from the renders' masks.

Left to itself, a small text encoder that reads from left to right hands the object on to a later word. In
`a red car on the road` it is `the` that draws the car, and `car` draws nothing. Pictures come out as well,
but edits go by where a word is attended to. So the words of the object are to be attended to inside its mask,
those of the place outside.
"""

import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import Attention
from torch import Tensor
from transformers import CLIPTokenizer

FINEST, COARSEST = 16, 8
"""Rows and columns of the layers that are taught; the middle block's 4 are too few."""
LEAST = 1e-4
ENOUGH, STRAY = 0.15, 0.03
"""The share of attention that a word is to have in its place, and the one that it may have elsewhere. Without
such bounds the words take all of it, nothing is left for styles, and the samples get worse."""
INSIDE, OUTSIDE = ("object", "colour"), ("background",)


class WatchedAttention:
    """diffusers' plain attention, which keeps how cross-attention spread over the words."""

    def __init__(self) -> None:
        self.maps: list[Tensor] = []

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        **_: object,
    ) -> Tensor:
        """Called by diffusers."""
        text = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        q, k, v = (
            attn.head_to_batch_dim(layer(x))
            for layer, x in ((attn.to_q, hidden_states), (attn.to_k, text), (attn.to_v, text))
        )
        shares = attn.get_attention_scores(q, k)
        if encoder_hidden_states is not None:
            self.maps.append(torch.unflatten(shares, 0, (-1, attn.heads)).float().mean(1))
        return attn.to_out[0](attn.batch_to_head_dim(shares @ v))

    def take(self) -> list[Tensor]:
        """The maps of one forward pass, [B, h * w, L] each, averaged over heads."""
        maps, self.maps = self.maps, []
        return maps


def misplaced(maps: list[Tensor], words: dict[bool, Tensor], cover: Tensor, counts: Tensor) -> Tensor:
    """How little words attract attention where they belong, and how much elsewhere.

    Args:
        maps: Of one forward pass.
        words: Which tokens belong inside (True) and outside (False) the object, each [W, B, L], W words.
        cover: How much of each latent position the object covers, [B, 1, 16, 16].
        counts: How much each sample counts, [B].
    """
    losses: list[Tensor] = []
    for shares in maps:
        side = round(shares.shape[1] ** 0.5)
        if not COARSEST <= side <= FINEST:
            continue
        inside = F.adaptive_avg_pool2d(cover, side).flatten(1)
        for within, tokens in words.items():
            place = inside if within else 1 - inside
            for which in tokens.to(shares):
                losses.append(_misplaced(torch.einsum("bnl,bl->bn", shares, which), place, which, counts))
    return torch.stack(losses).mean()


def _misplaced(share: Tensor, place: Tensor, which: Tensor, counts: Tensor) -> Tensor:
    """How far the mean share is below `ENOUGH` in the word's place and above `STRAY` elsewhere, as ratios."""
    where = (share * place).sum(1) / place.sum(1).clamp(min=1)
    elsewhere = (share * (1 - place)).sum(1) / (1 - place).sum(1).clamp(min=1)
    lacking = (ENOUGH / where.clamp(LEAST, ENOUGH)).log()
    loss = lacking + (elsewhere.clamp(min=STRAY) / STRAY).log()
    asked = counts * which.any(1)
    return (loss * asked).sum() / asked.sum().clamp(min=LEAST)


class Words:
    """Finds the words of scenes among the tokens of their captions."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        self.tokenizer = tokenizer
        self.known: dict[str, Tensor] = {}

    def __call__(self, scenes: list[dict[str, str | None]], ids: Tensor) -> dict[bool, Tensor]:
        """By whether they belong inside the object: which tokens are theirs, [W, B, L]."""
        return {
            within: torch.stack([self.tokens(scenes, ids, kind) for kind in kinds])
            for within, kinds in ((True, INSIDE), (False, OUTSIDE))
        }

    def tokens(self, scenes: list[dict[str, str | None]], ids: Tensor, kind: str) -> Tensor:
        """Which tokens name the scenes' `kind`, [B, L]."""
        return torch.stack(
            [torch.isin(row, self.ids(scene[kind])) for scene, row in zip(scenes, ids, strict=True)]
        )

    def ids(self, text: str | None) -> Tensor:
        """The tokens of a word or two."""
        if text is None:
            return torch.empty(0, dtype=torch.long)
        if text not in self.known:
            self.known[text] = torch.tensor(self.tokenizer(text).input_ids[1:-1])
        return self.known[text]
