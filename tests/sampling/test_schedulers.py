"""The one step formula gives what diffusers' three families of schedulers give."""

import math
from typing import Any

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    UniPCMultistepScheduler,
)
from torch import Tensor

from rescene.sampling import (
    Schedule,
    Split,
    Step,
    ddim,
    denoised,
    epsilon,
    karras,
    rectified_flow,
    sample,
    velocity,
)

STABLE_DIFFUSION: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}


def network(x: Tensor, time: float) -> Tensor:
    """Some smooth prediction that depends on everything that a network is told."""
    return torch.sin(1.3 * x + time / 300) + 0.1 * x


def noise() -> Tensor:
    return torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(0))


def theirs_last(scheduler: Any, x: Tensor) -> Tensor:
    """Where a scheduler of diffusers' takes the noise."""
    for time in scheduler.timesteps:
        given = scheduler.scale_model_input(x, time) if hasattr(scheduler, "scale_model_input") else x
        x = scheduler.step(network(given, time.item()), time, x).prev_sample
    return x


def last(steps: list[Step], x: Tensor, split: Split) -> Tensor:
    *_, x = sample(lambda x, step: network(x, step.timestep), x, Schedule(tuple(steps), split))
    return x


@pytest.mark.parametrize(("kind", "split"), [("epsilon", epsilon), ("v_prediction", velocity)])
@pytest.mark.parametrize("count", [1, 7, 50])
def test_ddim(kind: str, split: Split, count: int) -> None:
    theirs: Any = DDIMScheduler(**{**STABLE_DIFFUSION, "prediction_type": kind})
    theirs.set_timesteps(count)
    alphas = theirs.alphas_cumprod.tolist()
    steps = ddim(alphas, count, offset=1, final=float(theirs.final_alpha_cumprod))
    assert [step.timestep for step in steps] == theirs.timesteps.tolist()
    torch.testing.assert_close(
        last(steps, noise(), split), theirs_last(theirs, noise()), rtol=1e-5, atol=1e-5
    )


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers' own.
@pytest.mark.parametrize("count", [2, 25])
def test_karras_as_stable_video_diffusion_uses_it(count: int) -> None:
    theirs: Any = EulerDiscreteScheduler(
        prediction_type="v_prediction",
        timestep_type="continuous",
        use_karras_sigmas=True,
        sigma_min=0.002,
        sigma_max=700.0,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        timestep_spacing="leading",
        steps_offset=1,
        interpolation_type="linear",
    )
    theirs.set_timesteps(count)
    steps = karras(count, sigma_min=0.002, sigma_max=700.0)
    times = torch.tensor([step.timestep for step in steps])
    torch.testing.assert_close(times, theirs.timesteps, rtol=1e-5, atol=1e-5)

    def clean(x: Tensor, step: Step) -> Tensor:
        """The clean signal of a prediction v, as the EDM preconditioning defines it."""
        sigma = step.start.noise
        v = network(x / (sigma**2 + 1) ** 0.5, step.timestep)
        return x / (sigma**2 + 1) - v * sigma / (sigma**2 + 1) ** 0.5

    *_, ours = sample(clean, noise() * 700, Schedule(tuple(steps), denoised))
    torch.testing.assert_close(ours, theirs_last(theirs, noise() * 700), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("shift", [3.0, 12.0])
@pytest.mark.parametrize("count", [4, 30])
def test_straight_paths_at_the_levels_of_wans_sampler(shift: float, count: int) -> None:
    theirs: Any = UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift
    )
    theirs.set_timesteps(count)
    steps = rectified_flow(count, shift=shift)
    levels = torch.tensor([*(step.start.noise for step in steps), steps[-1].end.noise])
    # Theirs begins at 1 - 1e-6, and tells the network whole numbers.
    torch.testing.assert_close(levels, theirs.sigmas, rtol=0, atol=2e-6)
    assert all(abs(step.timestep - 1000 * step.start.noise) < 1e-9 for step in steps)
    assert [int(step.timestep) for step in steps[1:]] == theirs.timesteps[1:].tolist()


def test_straight_paths_at_the_levels_of_ltx() -> None:
    theirs: Any = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift_terminal=0.1)
    theirs.set_timesteps(sigmas=torch.linspace(1, 1 / 8, 8).tolist(), mu=1.2)
    steps = rectified_flow(8, shift=math.exp(1.2), lowest=0, terminal=0.1)
    levels = torch.tensor([*(step.start.noise for step in steps), steps[-1].end.noise])
    torch.testing.assert_close(levels, theirs.sigmas, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("count", "shift"), [(0, 3.0), (4, 0.0), (4, -1.0), (4, math.inf), (4, math.nan)])
def test_levels_that_cannot_be_are_refused(count: int, shift: float) -> None:
    with pytest.raises(ValueError, match="must be above 0, as in 25 and 5"):
        rectified_flow(count, shift=shift)
