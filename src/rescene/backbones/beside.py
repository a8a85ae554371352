"""Depth beside the latents: what Stable Diffusion 2's depth model reads in a fifth channel.

Rombach et al., "High-resolution image synthesis with latent diffusion models", CVPR 2022.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..video import Video
from .stable_diffusion import StableDiffusion

DepthMaps = Float[Tensor, "F 1 h w"]
"""At the size of the latents, from -1 (far) to 1 (near)."""


def reads_depth(model: StableDiffusion) -> bool:
    """Whether the network takes depth beside the latents."""
    return model.unet.config["in_channels"] == model.unet.config["out_channels"] + 1


def depth_maps(model: StableDiffusion, depth: Video) -> DepthMaps:
    """What a depth model reads of grey frames (`controls.Depth`), which are near where they are white."""
    size = depth.height // model.scale, depth.width // model.scale
    maps = [
        F.interpolate(frame.mean(1, keepdim=True), size, mode="bicubic").clamp(0, 1)
        for frame in depth.chunks(1)
    ]
    return 2 * torch.cat(maps) - 1


@contextmanager
def beside(model: StableDiffusion, maps: DepthMaps) -> Iterator[None]:
    """A block in which every branch of what `model` predicts reads `maps`, one for each frame."""

    def append(_: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, Any]:
        x, *rest = args
        read = maps.to(x).repeat(len(x) // len(maps), 1, 1, 1)
        return (torch.cat([x, read], dim=1), *rest), kwargs

    handle = model.unet.register_forward_pre_hook(append, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()
