"""Depth beside the latents: what Stable Diffusion 2's depth model reads in a fifth channel.

Rombach et al., "High-resolution image synthesis with latent diffusion models", CVPR 2022.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..inputs.grid import Grid
from ..video import Video

DepthMaps = Float[Tensor, "T 1 h w"]
"""At the size of the latents, from -1 (far) to 1 (near)."""


def depth_maps(depth: Video, grid: Grid) -> DepthMaps:
    """What a depth model reads of grey frames (`controls.Depth`), which are near where they are white."""
    size = depth.height // grid.space, depth.width // grid.space
    maps = [
        F.interpolate(frame.mean(1, keepdim=True), size, mode="bicubic").clamp(0, 1)
        for frame in depth.chunks(1)
    ]
    return 2 * torch.cat(maps) - 1
