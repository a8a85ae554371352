"""Noise that starts a video, that moves along with it, and that is added to it on the way.

Frames have noise of their own seed, so that a frame's noise doesn't depend on which frames are drawn with it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..typing import Latents
from .ode import Level, Step

CANVAS = 512
"""Shifts are given in 512ths of the frame's width and height: pixels, for frames of 512 pixels square."""


def generator(*names: int | str) -> torch.Generator:
    """A random generator that depends on `names` alone, as in `generator(seed, "frame", 3)`."""
    digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:4], "big"))


def frame_noise(shape: Sequence[int], frames: Sequence[int], *names: int | str) -> Latents:
    """Standard normal noise for some frames of a clip, on the CPU: the same on every machine.

    Args:
        shape: Channels, rows and columns of a frame's latents.
        frames: Numbers of the frames within the clip.
        *names: What else the noise depends on: the seed, the step.
    """
    drawn = [torch.randn(*shape, generator=generator(*names, "frame", frame)) for frame in frames]
    return torch.stack(drawn) if drawn else torch.empty(0, *shape)


def warp(z: Float[Tensor, "1 C h w"], shifts: Float[Tensor, "F 2"], zooms: Float[Tensor, " F"]) -> Latents:
    """Moves one frame's latents as if the camera moved (Text2Video-Zero, Khachatryan et al., 2023).

    Latents are picked, not mixed: averages of noise would no longer have its variance. Beyond its edges the
    frame is mirrored.

    Args:
        z: The frame's latents.
        shifts: How far the camera goes right and down, for each frame of the result, in 512ths of the frame.
        zooms: How much closer it goes: 2 fills the frame with the middle half.
    """
    rows = _picked(z.shape[-2], shifts[:, 1], zooms).to(z.device)
    columns = _picked(z.shape[-1], shifts[:, 0], zooms).to(z.device)
    return z[0][:, rows[:, :, None], columns[:, None, :]].transpose(0, 1)


def _picked(size: int, shifts: Float[Tensor, " F"], zooms: Float[Tensor, " F"]) -> Int[Tensor, "F size"]:
    """Which of the `size` positions along one side each frame takes."""
    shifts, zooms, own = shifts.double()[:, None], zooms.double()[:, None], torch.arange(size).double()
    middle = (size - 1) / 2
    # The original's field is sampled at the left edge of its pixels, half a pixel before their middle.
    position = middle + (own - middle) / zooms + (shifts - 0.5) * size / CANVAS
    # Mirror about the outer edges of the first and the last position, as often as it takes.
    around = (position + 0.5).remainder(2 * size)
    mirrored = torch.minimum(around, 2 * size - around) - 0.5
    return mirrored.clamp(0, size - 1).round().long()


def renoise(z: Latents, noise: Latents, start: Level, end: Level) -> Latents:
    """Carries latents to a noisier level by fresh noise: the forward process (Ho et al., 2020, eq. 2)."""
    keep = end.signal / start.signal
    return keep * z + max(0.0, end.noise**2 - (keep * start.noise) ** 2) ** 0.5 * noise


def ancestral(step: Step, eta: float) -> tuple[Step, float]:
    """Makes a step random: it ends at less noise, and the rest is put back as fresh noise.

    Args:
        step: A deterministic step.
        eta: 0 leaves it so; 1 draws as much as the forward process would have added (Song et al., 2021,
            eq. 16). In sigmas, that is the "ancestral" Euler step.

    Returns:
        The step to take, and the factor of the noise to add after it.
    """
    start, end = step.start, step.end
    keep = start.signal / end.signal
    added = max(0.0, start.noise**2 - (keep * end.noise) ** 2) ** 0.5
    fresh = eta * end.noise / start.noise * added
    return replace(step, end=Level(end.signal, max(0.0, end.noise**2 - fresh**2) ** 0.5)), fresh
