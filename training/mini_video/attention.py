"""Two middle blocks' attention to words, kept while words learn their places; and blocks made fast."""

from functools import cache

import parts
import torch
from diffusers.models.transformers.transformer_wan import WanAttention
from places import misplaced
from tokenizer import kinds
from torch import Tensor, nn

BLOCKS = (3, 4)
SIDE = parts.LATENT_SIZE // 2
"""Rows and columns of the transformer's tokens in a latent frame."""


class Watching:
    """The attention to words written out, so that its shares can be kept; otherwise as Wan's."""

    def __init__(self) -> None:
        self.maps: list[Tensor] = []

    def __call__(
        self, attn: WanAttention, hidden_states: Tensor, encoder_hidden_states: Tensor, *_: object
    ) -> Tensor:
        """Called by diffusers."""
        q = attn.norm_q(attn.to_q(hidden_states)).unflatten(2, (attn.heads, -1)).transpose(1, 2)
        k = attn.norm_k(attn.to_k(encoder_hidden_states)).unflatten(2, (attn.heads, -1)).transpose(1, 2)
        v = attn.to_v(encoder_hidden_states).unflatten(2, (attn.heads, -1)).transpose(1, 2)
        shares = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).float().softmax(dim=-1)
        self.maps.append(shares.mean(1))
        return attn.to_out[0]((shares.to(v.dtype) @ v).transpose(1, 2).flatten(2))


class Watched:
    """Turns the watching of a transformer's middle blocks on and off; while on, they are not compiled."""

    def __init__(self, network: nn.Module) -> None:
        blocks = network.get_submodule("blocks")
        assert isinstance(blocks, nn.ModuleList)
        self.blocks = [blocks[k] for k in BLOCKS if k < len(blocks)]
        self.watching, self.active = Watching(), False
        self.stock = [(block.attn2.processor, block._compiled_call_impl) for block in self.blocks]

    def on(self, wanted: bool) -> None:
        """Cheap to call in every step."""
        self.watching.maps = []
        if wanted == self.active:
            return
        for block, (processor, call) in zip(self.blocks, self.stock, strict=True):
            block.attn2.processor = self.watching if wanted else processor
            block._compiled_call_impl = None if wanted else call
        self.active = wanted

    def take(self) -> list[Tensor]:
        """The shares of one forward pass, [B, T * 64, L] for each block."""
        maps, self.watching.maps = self.watching.maps, []
        return maps


def places(maps: list[Tensor], ids: Tensor, cover: Tensor, counts: Tensor) -> Tensor:
    """`misplaced`, frame by frame: objects' words and colours belong inside the object, places' outside.

    Args:
        maps: Of one forward pass, [B, T * 64, L] each.
        ids: Tokens [B, L].
        cover: How much of each place the object covers, [B, 1, T, 16, 16].
        counts: How much each clip counts, [B].
    """
    frames = cover.shape[2]
    kind = _kinds(ids.device)[ids].repeat_interleave(frames, dim=0)
    words = {True: torch.stack([kind == 1, kind == 2]), False: (kind == 3)[None]}
    single = [shares.unflatten(1, (frames, SIDE * SIDE)).flatten(0, 1) for shares in maps]
    return misplaced(single, words, cover.transpose(1, 2).flatten(0, 1), counts.repeat_interleave(frames))


@cache
def _kinds(device: torch.device) -> Tensor:
    return torch.tensor(kinds(), device=device)


def compiled(network: nn.Module) -> None:
    """Compiles the blocks in place; they share their code, so that this happens once for each shape."""
    torch._dynamo.config.recompile_limit = 32
    blocks = network.get_submodule("blocks")
    assert isinstance(blocks, nn.ModuleList)
    for block in blocks:
        block.compile(dynamic=False)
