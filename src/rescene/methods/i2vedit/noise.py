"""Smooth area random perturbation (I2VEdit, Ouyang et al., 2024): a little noise where a picture has none."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool
from torch import Tensor

from ...typing import Frames

FLAT = 0.001
"""The largest gradient of an area that counts as smooth, for pixels in [-1, 1]."""
SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))


def perturb(frames: Frames, noise: Frames, scale: float) -> Frames:
    """Adds noise to areas without texture, which inversion would carry to latents that are far from noise.

    Args:
        frames: In [0, 1].
        noise: Standard normal.
        scale: How much of it is added, for pixels in [-1, 1].
    """
    added = scale / 2 * smooth_areas(frames)[:, None] * noise.to(frames)
    return (frames + added).clamp(0, 1)


def smooth_areas(frames: Frames) -> Bool[Tensor, "F H W"]:
    """Where the Sobel operator finds next to nothing: the mean of |Gx| + |Gy| over the channels."""
    pixels, across = 2 * frames - 1, torch.tensor(SOBEL).to(frames)
    kernels = torch.stack([across, across.T])[:, None].repeat(3, 1, 1, 1)
    gradients = F.conv2d(pixels, kernels, padding=1, groups=3).abs()
    return gradients.unflatten(1, (3, 2)).sum(2).mean(1) <= FLAT
