"""Other ways along straight paths: RF-Solver and FireFlow by midpoints, and RF-Inversion's controlled paths.

For models that learned straight paths (`flow`), which take any level of noise. Steps may go either way;
unlike `sample`, these tell the network the level that the latents are at.
"""

from collections.abc import Iterator

from torch import Tensor

from .ode import Denoise, Level, Schedule, Step, refuse_nan


def midpoint(denoise: Denoise, x: Tensor, schedule: Schedule, *, reuse: bool = False) -> Iterator[Tensor]:
    """Yields the latents after each step by the velocity at its middle.

    That is RF-Solver's step (Wang et al., 2024, arXiv 2411.04746), of two passes. FireFlow (Deng et al.,
    2024, arXiv 2412.07517) takes the first half by the middle velocity of the step before: one pass.

    Args:
        denoise: The network's velocity.
        x: Where to start.
        schedule: Steps along straight paths, in either direction.
        reuse: Whether to do as FireFlow.
    """
    found: Tensor | None = None
    for step in schedule:
        s, move = step.start.noise, step.end.noise - step.start.noise
        if found is None or not reuse:
            found = denoise(x, _at(step, s))
        found = denoise(x + move / 2 * found, _at(step, s + move / 2))
        x = refuse_nan(x + move * found, step)
        yield x


def towards_noise(
    denoise: Denoise, x: Tensor, schedule: Schedule, noise: Tensor, gamma: float
) -> Iterator[Tensor]:
    """Yields the latents on their way to noise, drawn to one given noise.

    RF-Inversion (Rout et al., 2024, arXiv 2410.10792), the controlled forward path.

    Args:
        denoise: The network's velocity, without a prompt.
        x: Clean latents.
        schedule: Steps from the clean end to noise.
        noise: Where to be drawn to.
        gamma: How strongly: 0 follows the network alone, 1 goes straight there.
    """
    for step in schedule:
        s = step.start.noise
        u = denoise(x, _at(step, s))
        v = u + gamma * ((noise - x) / (1 - s) - u)
        x = refuse_nan(x + (step.end.noise - s) * v, step)
        yield x


def towards_clean(
    denoise: Denoise, x: Tensor, schedule: Schedule, clean: Tensor, eta: float, held: int
) -> Iterator[Tensor]:
    """Yields the latents on their way from noise, at first drawn to given clean ones.

    RF-Inversion's controlled reverse path.

    Args:
        denoise: The network's velocity.
        x: Noisy latents.
        schedule: Steps from noise to the clean end.
        clean: Where to be drawn to.
        eta: How strongly: 1 goes straight there.
        held: The number of steps that are drawn.
    """
    for number, step in enumerate(schedule):
        s = step.start.noise
        u = denoise(x, _at(step, s))
        v = u + eta * ((x - clean) / s - u) if number < held else u
        x = refuse_nan(x + (step.end.noise - s) * v, step)
        yield x


def _at(step: Step, s: float) -> Step:
    """A step told a level of noise; timesteps grow evenly with it."""
    told = step.timestep / max(step.start.noise, step.end.noise)
    return Step(step.index, told * s, Level(1 - s, s), step.end)
