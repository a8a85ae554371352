"""What a model that a picture leads reads of it."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

MOTION_BUCKET = 127
"""How much motion the model is told to make, as its makers use it."""
AUGMENTATION = 0.02
"""How much noise the leading picture is given, in pixels or in latents, and the model is told of."""
FASTEST = 30
"""Frames a second of the fastest videos that the model was trained on."""


@dataclass(frozen=True, eq=False)
class Picture:
    """What leads a branch: a picture, and how fast it is to move."""

    embedding: Float[Tensor, "1 N E"]
    """What CLIP sees in the picture; no rows for models without CLIP."""
    latents: Float[Tensor, "_ C h w"]
    """Its latents as the model reads them: one for all, one for each of the clip's, or the clip's first."""
    fps: float
    """Frames a second, less one: the model counts so. See `counted`."""

    @property
    def time_ids(self) -> tuple[float, float, float]:
        """What the network is told of rate, motion and noise."""
        return self.fps, MOTION_BUCKET, AUGMENTATION

    def without(self) -> "Picture":
        """What guidance leads away from: no picture."""
        return replace(
            self, embedding=torch.zeros_like(self.embedding), latents=torch.zeros_like(self.latents[:1])
        )

    def noised(self, noise: Float[Tensor, "_ C h w"]) -> "Picture":
        """The picture with as much of `noise` in its latents as the model is told of."""
        return replace(self, latents=self.latents + AUGMENTATION * noise.to(self.latents))


def counted(fps: float) -> float:
    """A rate as the model counts it."""
    return min(float(fps), FASTEST) - 1
