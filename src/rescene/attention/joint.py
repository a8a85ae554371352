"""Attending to all frames at once."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..typing import Attended, Keys, Queries, Values
from .hooks import Attend, AttentionHook, Call
from .layers import Layer


@dataclass(frozen=True)
class AllFrames(AttentionHook):
    """Frames attend to the keys and values of all frames of their branch (TokenFlow, "extended attention").

    A branch becomes one sequence of frames times positions: nothing is repeated, and the attention kernel
    tiles it.
    """

    def applies(self, layer: Layer) -> bool:
        return layer.is_self

    def around_attention(self, call: Call, q: Queries, k: Keys, v: Values, proceed: Attend) -> Attended:
        return part(proceed(*(join(x, call.frames) for x in (q, k, v))), call.frames)


def join(x: Values, frames: int) -> Float[Tensor, "branches K positions V"]:
    """One sequence for all frames of a branch."""
    return torch.unflatten(x, 0, (-1, frames)).transpose(1, 2).flatten(2, 3)


def part(x: Float[Tensor, "branches K positions V"], frames: int) -> Attended:
    """One sequence for each frame again."""
    return torch.unflatten(x, 2, (frames, -1)).transpose(1, 2).flatten(0, 1)
