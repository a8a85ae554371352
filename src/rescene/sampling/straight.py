"""Any model's levels as points of straight paths, along which edits can be written once for all models.

A straight path mixes x = (1 - s) clean + s eps with s from 0 to 1, and its velocity is dx/ds = eps - clean
(rectified flow; Liu et al., 2023). Latents that mix signal * clean + noise * eps are on it once they are
divided by signal + noise; their s is noise / (signal + noise). So the velocity of a model that predicts noise
is known as well as that of a model that predicts velocities.
"""

from dataclasses import replace

from torch import Tensor

from .ode import Denoise, Level, Schedule, Step
from .predictions import flow


def straight(schedule: Schedule) -> Schedule:
    """All steps of a model from noise to video as steps along straight paths; indices and timesteps stay.

    The level at which the model stops counts as clean: image models stop a little before it.
    """
    shares = [*(_share(step.start) for step in schedule), 0.0]
    steps = tuple(
        replace(step, start=Level(1 - s, s), end=Level(1 - after, after))
        for step, s, after in zip(schedule, shares, shares[1:], strict=False)
    )
    return Schedule(steps, flow)


def clean_step(schedule: Schedule) -> Step:
    """A step of no length at the schedule's clean end, for velocities there."""
    last = schedule[-1]
    return Step(last.index + 1, 0.0, last.end, last.end)


def straightened(denoise: Denoise, schedule: Schedule) -> Denoise:
    """Velocities eps - clean along straight paths, from a model's predictions.

    Args:
        denoise: The model's prediction for its own mix and steps.
        schedule: All its steps from noise to video.
    """
    own = {step.index: step for step in (*schedule, clean_step(schedule))}

    def velocity(z: Tensor, step: Step) -> Tensor:
        at = own[step.index]
        x = sum(at.start) * z
        clean, eps = schedule.split(x, denoise(x, at), at.start)
        return eps - clean

    return velocity


def _share(level: Level) -> float:
    return level.noise / sum(level)
