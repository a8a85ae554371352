"""Depth beside the latents: what Stable Diffusion 2's depth model reads in a fifth channel.

Rombach et al., "High-resolution image synthesis with latent diffusion models", CVPR 2022.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

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
