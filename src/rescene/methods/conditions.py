"""What a network is shown of a clip, frame by frame, besides latents and text: ControlNets' frames, depth."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from ..backbones import Backbone, StableDiffusion
from ..backbones.controlled import Steering, controlled
from ..backbones.depth_maps import DepthMaps
from ..cache import content_hash
from ..typing import Latents


@dataclass(frozen=True, eq=False)
class Conditions:
    """Those of all frames, of which each pass takes what belongs to its own."""

    steering: tuple[Steering, ...] = ()
    """The ControlNets that take part."""
    depth: DepthMaps | None = None
    """For models that read it."""

    @contextmanager
    def shown(self, model: Backbone, frames: list[int]) -> Iterator[None]:
        """A block in which `model` predicts the given frames of the clip."""
        if not self.steering:
            yield
            return
        assert isinstance(model, StableDiffusion)  # Or else there were no ControlNet for it.
        picked = [replace(each, hints=each.hints[frames]) for each in self.steering]
        with controlled(model, picked, slice(None)):
            yield

    def beside(self, latents: Latents, frames: list[int]) -> Float[Tensor, "F _ h w"]:
        """What the network reads of the given frames: their latents, and their depth if it reads that."""
        return latents if self.depth is None else torch.cat([latents, self.depth[frames].to(latents)], dim=1)

    def identity(self) -> list[object]:
        """What identifies them in a cache's key."""
        named: list[object] = [
            (
                each.weight,
                content_hash(each.hints),
                list(map(content_hash, each.net.network.state_dict().values())),
            )
            for each in self.steering
        ]
        return named if self.depth is None else [*named, content_hash(self.depth)]
