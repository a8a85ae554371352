"""Moving latents both ways along a schedule."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from rescene.sampling import (
    Level,
    Split,
    Step,
    classifier_free,
    ddim,
    denoised,
    epsilon,
    flow,
    invert,
    rectified_flow,
    sample,
    velocity,
)

ALPHAS = torch.linspace(0.999, 0.005, 1000).tolist()


def steps(count: int = 10) -> list[Step]:
    return ddim(ALPHAS, count, offset=0, final=0.9995)


def latents() -> Tensor:
    return torch.randn(3, 4, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("split", "schedule"), [(epsilon, steps()), (flow, rectified_flow(8, shift=3))])
def test_sampling_undoes_inversion_where_the_prediction_is_constant(
    split: Split, schedule: list[Step]
) -> None:
    constant = 0.3 * latents().flip(0)
    *_, noisy = invert(lambda x, step: constant, latents(), schedule, split)
    *_, back = sample(lambda x, step: constant, noisy, schedule, split)
    torch.testing.assert_close(back, latents(), rtol=0, atol=1e-9)


def test_a_prediction_of_the_very_noise_gives_the_clean_signal_at_every_level() -> None:
    clean, eps = latents(), latents().flip(-1)
    start = steps()[0].start
    noisy = start.signal * clean + start.noise * eps
    for step, x in zip(steps(), sample(lambda x, step: eps, noisy, steps(), epsilon), strict=True):
        torch.testing.assert_close(x, step.end.signal * clean + step.end.noise * eps)


@pytest.mark.parametrize("split", [epsilon, velocity, denoised, flow])
def test_every_kind_of_prediction_splits_the_same_mix(split: Split) -> None:
    clean, eps = latents(), latents().flip(-1)
    level = Level(0.6, 0.4) if split is flow else Level(0.6, 0.8)
    predictions: dict[Split, Tensor] = {
        epsilon: eps,
        velocity: level.signal * eps - level.noise * clean,
        denoised: clean,
        flow: eps - clean,
    }
    x = level.signal * clean + level.noise * eps
    torch.testing.assert_close(split(x, predictions[split], level), (clean, eps))


def test_inversion_walks_the_same_steps_backwards_and_tells_the_noisy_end() -> None:
    seen: list[Step] = []

    def denoise(x: Tensor, step: Step) -> Tensor:
        seen.append(step)
        return x

    assert len(list(invert(denoise, latents(), steps(4), epsilon))) == 4
    assert [step.index for step in seen] == [3, 2, 1, 0]
    assert [step.timestep for step in seen] == [step.timestep for step in reversed(steps(4))]
    assert all(step.start.noise < step.end.noise for step in seen)
    assert all(one.end == then.start for one, then in pairwise(seen))


def test_steps_are_taken_one_by_one_as_they_are_asked_for() -> None:
    calls: list[int] = []

    def denoise(x: Tensor, step: Step) -> Tensor:
        calls.append(step.index)
        return x

    walk = sample(denoise, latents(), steps(5), epsilon)
    next(walk)
    next(walk)
    assert calls == [0, 1]


def test_neighbouring_steps_share_a_level_and_noise_falls() -> None:
    schedule = steps(50)
    assert [step.index for step in schedule] == list(range(50))
    assert all(one.end == then.start for one, then in pairwise(schedule))
    assert all(step.end.noise < step.start.noise for step in schedule)
    assert all(abs(step.start.signal**2 + step.start.noise**2 - 1) < 1e-9 for step in schedule)


@pytest.mark.parametrize("count", [0, -3, 1000, 5000])
def test_an_impossible_number_of_steps_is_an_error_that_names_the_range(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 999"):
        steps(count)


def test_guidance_goes_from_one_prediction_through_the_other() -> None:
    without, towards = latents(), latents().flip(0)
    assert torch.equal(classifier_free(without, towards, 0.0), without)
    torch.testing.assert_close(classifier_free(without, towards, 1.0), towards)
    torch.testing.assert_close(classifier_free(without, towards, 3.0), 3 * towards - 2 * without)
