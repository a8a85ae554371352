"""Attention with its maps written out, to compare with."""

import torch
from torch import Tensor

from rescene import Layer
from rescene.attention import Call

BLOCK = "down_blocks.1.attentions.0.transformer_blocks.0"
SELF = Layer(f"{BLOCK}.attn1", "down", 1, 0.25, "frame", "frames")
CROSS = Layer(f"{BLOCK}.attn2", "down", 1, 0.3, "words", "frames")
FRAMES, GRID, HEADS, WIDTH, TEXT = 3, (2, 4), 2, 4, 6
POSITIONS = GRID[0] * GRID[1]


def call(layer: Layer = SELF, times: int = FRAMES) -> Call:
    return Call(layer, step=0, branches=2, times=times, grid=GRID)


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def queries(branches: int = 2, *, seed: int = 0) -> Tensor:
    """Queries, or keys and values of self-attention."""
    return random(branches * FRAMES, HEADS, POSITIONS, WIDTH, seed=seed)


def text_keys(branches: int = 2, *, seed: int = 0) -> Tensor:
    return random(branches * FRAMES, HEADS, TEXT, WIDTH, seed=seed)


def maps(q: Tensor, k: Tensor) -> Tensor:
    """The attention map softmax(q kᵀ / √D)."""
    return (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return maps(q, k) @ v
