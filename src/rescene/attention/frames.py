"""Attending across frames."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..typing import Keys, Queries
from .hooks import Attend, AttentionHook, Call
from .layers import Layer, LayerPredicate, every_layer

FIXED_FRAMES: dict[str, Callable[[int], int]] = {
    "first": lambda frames: 0,
    "middle": lambda frames: (frames - 1) // 2,
    "last": lambda frames: frames - 1,
}
RELATIVE_FRAMES = {"own": 0, "previous": -1, "next": 1}


@dataclass(frozen=True)
class FrameKeys(AttentionHook):
    """Frames attend to the keys and values of other frames of their branch.

    Sparse-causal attention of Tune-A-Video (Wu et al., ICCV 2023) is `("first", "previous")`; cross-frame
    attention of Text2Video-Zero (Khachatryan et al., ICCV 2023) is `("first",)`.
    """

    frames: tuple[str | int, ...]
    """Which frames, in order: `first`, `middle`, `last`, `own`, `previous`, `next`, or an offset such as -2.
    Offsets stop at the clip's ends."""
    layers: LayerPredicate = every_layer

    def __post_init__(self) -> None:
        known = [*FIXED_FRAMES, *RELATIVE_FRAMES]
        wrong = [frame for frame in self.frames if not isinstance(frame, int) and frame not in known]
        if wrong or not self.frames:
            raise ValueError(
                f"key frames {self.frames!r}: each must be an offset or one of {', '.join(known)}"
            )

    def applies(self, layer: Layer) -> bool:
        return layer.attends == "frame" and self.layers(layer)

    def around_attention(self, call: Call, q: Queries, k: Keys, v: Keys, proceed: Attend) -> Queries:
        return proceed(q, self._gather(k, call.times), self._gather(v, call.times))

    def _gather(self, keys: Keys, frames: int) -> Float[Tensor, "B K G D"]:
        own = torch.arange(frames, device=keys.device)
        clips = torch.unflatten(keys, 0, (-1, frames))
        return torch.cat([clips[:, self._index(frame, own)] for frame in self.frames], dim=-2).flatten(0, 1)

    @staticmethod
    def _index(frame: str | int, own: Tensor) -> Tensor:
        if isinstance(frame, str) and frame in FIXED_FRAMES:
            return torch.full_like(own, FIXED_FRAMES[frame](len(own)))
        offset = RELATIVE_FRAMES[frame] if isinstance(frame, str) else frame
        return (own + offset).clamp(0, len(own) - 1)
