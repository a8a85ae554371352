"""Moves latents along the noise schedule, towards the video or away from it.

Every model family mixes a clean signal with noise: x = signal * clean + noise * eps. A step keeps the model's
estimate of both and changes the mix. DDIM (Song et al., 2021, eq. 12 with eta 0), Euler steps for EDM (Karras
et al., 2022, algorithm 1) and Euler steps for rectified flow (Liu et al., 2023) differ only in their levels
and in how a prediction is split into clean signal and noise (`predictions.py`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from torch import Tensor


class Level(NamedTuple):
    """How much signal and how much noise latents hold."""

    signal: float
    noise: float


@dataclass(frozen=True)
class Step:
    """One move along the schedule."""

    index: int
    """Position in the schedule: 0 starts from pure noise, in either direction."""
    timestep: float
    """What the network is told: always the step's noisy end."""
    start: Level
    """The mix of the latents that the step is given."""
    end: Level
    """The mix of the latents that it returns."""


Denoise = Callable[[Tensor, Step], Tensor]
"""The network's prediction for latents at `step.start`; guidance and hooks live inside."""
Split = Callable[[Tensor, Tensor, Level], tuple[Tensor, Tensor]]
"""(latents, prediction, level) to (clean, eps): what a prediction means."""


def sample(denoise: Denoise, x: Tensor, schedule: Iterable[Step], split: Split) -> Iterator[Tensor]:
    """Yields the latents after each step, from noise to video."""
    for step in schedule:
        clean, eps = split(x, denoise(x, step), step.start)
        x = step.end.signal * clean + step.end.noise * eps
        yield x


def invert(denoise: Denoise, x: Tensor, schedule: Iterable[Step], split: Split) -> Iterator[Tensor]:
    """Yields the latents after each step of the same schedule, walked from video to noise."""
    backwards = [replace(step, start=step.end, end=step.start) for step in reversed(list(schedule))]
    return sample(denoise, x, backwards, split)
