"""Attending to all frames at once."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..typing import Keys, Queries
from .hooks import Attend, AttentionHook, Call
from .layers import Layer


@dataclass(frozen=True)
class AllFrames(AttentionHook):
    """Frames attend to the keys and values of all frames of their branch (TokenFlow, "extended attention").

    A branch becomes one sequence of frames times positions: nothing is repeated, and the attention kernel
    tiles it.
    """

    skip: int = 1
    """How many branches, from the first on, stay as they are: frames of the source attend to themselves."""

    def applies(self, layer: Layer) -> bool:
        return layer.is_self

    def around_attention(self, call: Call, q: Queries, k: Keys, v: Keys, proceed: Attend) -> Queries:
        alone = self.skip * call.frames
        joined = (join(x[alone:], call.frames) for x in (q, k, v))
        out = part(proceed(*joined), call.frames)
        return torch.cat([proceed(q[:alone], k[:alone], v[:alone]), out]) if alone else out


def join(x: Keys, frames: int) -> Float[Tensor, "branches K positions D"]:
    """One sequence for all frames of a branch."""
    return torch.unflatten(x, 0, (-1, frames)).transpose(1, 2).flatten(2, 3)


def part(x: Float[Tensor, "branches K positions D"], frames: int) -> Queries:
    """One sequence for each frame again."""
    return torch.unflatten(x, 2, (frames, -1)).transpose(1, 2).flatten(0, 1)
