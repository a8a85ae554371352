"""Latents that follow the source outside a mask, so that what is made inside fits what is around it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from ..backbones import Backbone
from ..inputs import Inputs
from ..sampling import Step, noised
from ..typing import Latents


@dataclass(frozen=True, eq=False)
class Held:
    """Puts the source's latents back outside a mask after each step; a soft mask mixes.

    Avrahami et al., "Blended Latent Diffusion", SIGGRAPH 2023, algorithm 1; with the inverted source,
    where the method inverts.
    """

    mask: Float[Tensor, "T 1 h w"]
    source: Callable[[Step], Latents]
    """The source's latents at the level that a step ends at."""

    @classmethod
    def by(cls, inputs: Inputs, model: Backbone, source: Callable[[Step], Latents]) -> "Held | None":
        """The mask among the inputs; None if there is none."""
        return inputs.mask and cls(inputs.mask.on(model.grid)[:, None], source)

    @classmethod
    def noised(cls, inputs: Inputs, model: Backbone, noise: Latents) -> "Held | None":
        """The same for a source that is noised to each level, by the noise that the edit starts from."""
        if inputs.mask is None:
            return None
        assert inputs.video
        clean = model.encode(inputs.video)
        return cls.by(inputs, model, lambda step: noised(clean, noise, step.end))

    def __call__(self, z: Latents, step: Step) -> Latents:
        """The latents after a step."""
        return torch.lerp(self.source(step).to(z), z, self.mask.to(z))

    def of(self, frames: slice) -> "Held":
        """The same for some of the frames."""
        return replace(self, mask=self.mask[frames], source=lambda step: self.source(step)[frames])
