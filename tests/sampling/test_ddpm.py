"""Edit-friendly DDPM inversion."""

from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler
from torch import Tensor

from rescene.sampling import (
    Schedule,
    Split,
    Step,
    ddim,
    epsilon,
    invert_ddpm,
    noised,
    sample_ddpm,
    velocity,
)
from rescene.sampling.noise import ancestral

SCHEDULER: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "steps_offset": 1,
}


def schedule(count: int, split: Split = epsilon, *, to_one: bool = False) -> Schedule:
    scheduler = DDIMScheduler(**SCHEDULER, set_alpha_to_one=to_one)
    final = float(scheduler.final_alpha_cumprod)
    return Schedule(tuple(ddim(scheduler.alphas_cumprod.tolist(), count, offset=1, final=final)), split)


def network(x: Tensor, step: Step) -> Tensor:
    return torch.sin(1.3 * x + step.timestep / 300)


def gaussian(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("to_one", [False, True], ids=["to the first level", "to no noise at all"])
@pytest.mark.parametrize("split", [epsilon, velocity])
@pytest.mark.parametrize("count", [1, 3, 10])
def test_sampling_returns_to_the_video_exactly_from_every_level(
    count: int, split: Split, to_one: bool
) -> None:
    steps, clean = schedule(count, split, to_one=to_one), gaussian(2, 4, 3, 5, seed=0)
    draws = gaussian(count, 1, 4, 3, 5, seed=1)
    inverted = list(invert_ddpm(network, clean, steps, draws=draws))
    residuals = torch.stack([step.residual for step in inverted])
    for first in range(count):
        start = inverted[first].latents
        *_, back = sample_ddpm(network, start, steps[first:], residuals=residuals)
        torch.testing.assert_close(back, clean)


def test_latents_are_the_video_at_each_level() -> None:
    steps, clean, draws = schedule(4), gaussian(2, 4, 3, 5, seed=0), gaussian(4, 2, 4, 3, 5, seed=1)
    inverted = invert_ddpm(network, clean, steps, draws=draws)
    for step, draw, (latents, _) in zip(steps, draws, inverted, strict=True):
        assert torch.equal(latents, noised(clean, draw, step.start))


def test_a_step_with_gaussian_noise_is_that_of_diffusers_at_eta_one() -> None:
    scheduler = DDIMScheduler(**SCHEDULER, set_alpha_to_one=False)
    scheduler.set_timesteps(10)
    steps, x, noise = schedule(10), gaussian(1, 4, 3, 5, seed=0).float(), gaussian(1, 4, 3, 5, seed=1).float()
    for step in steps:
        prediction = network(x, step)
        time = int(step.timestep)
        (theirs,) = scheduler.step(prediction, time, x, eta=1.0, variance_noise=noise, return_dict=False)[:1]
        residuals = {step.index: ancestral(step, 1.0)[1] * noise}
        (ours,) = sample_ddpm(network, x, steps.alone(step), residuals=tabled(residuals))
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
        x = theirs


def tabled(residuals: dict[int, Tensor]) -> Tensor:
    """Residuals by index, zeros where there are none."""
    zero = torch.zeros_like(next(iter(residuals.values())))
    return torch.stack([residuals.get(index, zero) for index in range(1 + max(residuals))])
