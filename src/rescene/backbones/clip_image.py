"""Pictures as CLIP reads them: for Stable Video Diffusion scaled to a square, for Wan cropped to one."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from ..typing import Frames
from .parts import Parts

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""Of the pictures that CLIP was trained on (Radford et al., 2021)."""


def clip_pixels(frames: Frames, size: int) -> Float[Tensor, "F 3 size size"]:
    """Scales frames in [0, 1] to squares of `size` pixels, whatever their shape, and normalises them.

    The aspect ratio is not kept: the model was trained so. Sides that shrink are blurred first, by a Gaussian
    of (factor - 1) / 2 pixels.
    """
    pixels = 2 * frames - 1  # Bicubic weights sum to one only nearly, so that the offset matters.
    for side in (-1, -2):
        pixels = _blurred(pixels, side, max((frames.shape[side] / size - 1) / 2, 0.001))
    square = F.interpolate(pixels, (size, size), mode="bicubic", align_corners=True)
    mean, std = (torch.tensor(values).to(frames)[:, None, None] for values in (MEAN, STD))
    return ((square + 1) / 2 - mean) / std


def _blurred(pixels: Frames, side: int, sigma: float) -> Frames:
    """Pixels after a Gaussian of `sigma` pixels along one dimension, mirrored at the edges."""
    reach = max(int(4 * sigma), 3) // 2
    offsets = torch.arange(-reach, reach + 1).to(pixels)
    weights = torch.exp(-(offsets**2) / (2 * sigma**2))
    kernel = (weights / weights.sum()).expand(3, 1, 1, -1)
    if side == -2:
        kernel = kernel.transpose(-1, -2)
    padding = (reach, reach, 0, 0) if side == -1 else (0, 0, reach, reach)
    return F.conv2d(F.pad(pixels, padding, mode="reflect"), kernel, groups=3)


class ClipImages:
    """What CLIP sees in the middle square of a picture, as Wan 2.1 reads it: its last but one states.

    Args:
        parts: The model's networks.
        encoder: CLIP's vision model, one of them.
    """

    def __init__(self, parts: Parts, encoder: Any):
        self._parts, self._encoder = parts, encoder
        side = int(encoder.config.image_size)
        self._processor = CLIPImageProcessorPil(
            size={"shortest_edge": side}, crop_size={"height": side, "width": side}
        )

    @torch.no_grad()
    def __call__(self, frame: Frames) -> Float[Tensor, "1 N E"]:
        """The states of a frame's patches, and of the whole first."""
        image = (frame[0] * 255).round().byte().cpu()
        pixels = self._processor(images=image, return_tensors="pt")["pixel_values"]
        encoder = self._parts.awake(self._encoder)
        seen = encoder(pixels.to(self._parts.device, encoder.dtype), output_hidden_states=True)
        return seen.hidden_states[-2].float()
