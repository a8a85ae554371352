"""Edit-friendly DDPM inversion (Huberman-Spiegelglas et al., CVPR 2024): noise that leads back to the video.

A DDPM step goes a deterministic part of the way and then adds fresh noise. The inversion noises the video to
every level independently and keeps, for each step, what the deterministic part lacks to reach the next level.
Sampling with these residuals returns to the video exactly, from any level on and in any number of steps.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from .noise import ancestral
from .ode import Denoise, Keep, Level, Schedule, sample


@runtime_checkable
class BySteps(Protocol):
    """Tensors by the index of a step: one tensor of them all, or something that finds each when asked."""

    def __getitem__(self, step: int, /) -> Tensor:
        """That of one step."""
        ...


class Residual(NamedTuple):
    """One step of an inversion."""

    latents: Tensor
    """The video at the step's noisy end."""
    residual: Tensor
    """What is to be added after the step's deterministic part: sigma z in the paper (eq. 5)."""


def noised(clean: Tensor, draw: Tensor, level: Level) -> Tensor:
    """`clean` at a noise level, with the Gaussian noise `draw`."""
    return level.signal * clean + level.noise * draw.to(clean)


def invert_ddpm(denoise: Denoise, clean: Tensor, schedule: Schedule, *, draws: Tensor) -> Iterator[Residual]:
    """Yields each step of the inversion, the noisiest first.

    Args:
        denoise: The network's prediction with the source's prompt.
        clean: The video's latents.
        schedule: The steps, from noise to video.
        draws: Gaussian noise for each step, of the latents' shape or to be broadcast to it.
    """
    latents = noised(clean, draws[0], schedule[0].start)
    for index, step in enumerate(schedule, 1):
        (mean,) = sample(denoise, latents, schedule.alone(ancestral(step, 1.0)[0]))
        last = index == len(schedule)
        following = clean if last else noised(clean, draws[index], schedule[index].start)
        yield Residual(latents, following - mean)
        latents = following


def sample_ddpm(
    denoise: Denoise, x: Tensor, schedule: Schedule, *, residuals: BySteps, keep: Keep | None = None
) -> Iterator[Tensor]:
    """Yields the latents after each step, from noise to video.

    Args:
        denoise: The network's prediction; guidance and hooks live inside.
        x: Where to start.
        schedule: The steps.
        residuals: What to add after each step, by the step's index.
        keep: Changes the latents after each step.
    """
    for step in schedule:
        (mean,) = sample(denoise, x, schedule.alone(ancestral(step, 1.0)[0]))
        x = mean + residuals[step.index].to(mean)
        x = keep(x, step) if keep else x
        yield x
