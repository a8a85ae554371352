"""Moving latents both ways along a schedule."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from rescene.sampling import (
    Level,
    Schedule,
    Split,
    Step,
    classifier_free,
    ddim,
    denoised,
    epsilon,
    flow,
    rectified_flow,
    sample,
    velocity,
)

ALPHAS = torch.linspace(0.999, 0.005, 1000).tolist()


def steps(count: int = 10, split: Split = epsilon) -> Schedule:
    return Schedule(tuple(ddim(ALPHAS, count, offset=0, final=0.9995)), split)


def latents() -> Tensor:
    return torch.randn(3, 4, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("schedule", [steps(), Schedule(tuple(rectified_flow(8, shift=3)), flow)])
def test_sampling_undoes_inversion_where_the_prediction_is_constant(
    schedule: Schedule,
) -> None:
    constant = 0.3 * latents().flip(0)
    *_, noisy = sample(lambda x, step: constant, latents(), schedule.inverted())
    *_, back = sample(lambda x, step: constant, noisy, schedule)
    torch.testing.assert_close(back, latents(), rtol=0, atol=1e-9)


def test_a_prediction_of_the_very_noise_gives_the_clean_signal_at_every_level() -> None:
    clean, eps = latents(), latents().flip(-1)
    start = steps()[0].start
    noisy = start.signal * clean + start.noise * eps
    for step, x in zip(steps(), sample(lambda x, step: eps, noisy, steps()), strict=True):
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

    assert len(list(sample(denoise, latents(), steps(4).inverted()))) == 4
    assert [step.index for step in seen] == [3, 2, 1, 0]
    assert [step.timestep for step in seen] == [step.timestep for step in reversed(steps(4))]
    assert all(step.start.noise < step.end.noise for step in seen)
    assert all(one.end == then.start for one, then in pairwise(seen))


def test_steps_are_taken_one_by_one_as_they_are_asked_for() -> None:
    calls: list[int] = []

    def denoise(x: Tensor, step: Step) -> Tensor:
        calls.append(step.index)
        return x

    walk = sample(denoise, latents(), steps(5))
    next(walk)
    next(walk)
    assert calls == [0, 1]


def test_neighbouring_steps_share_a_level_and_noise_falls() -> None:
    schedule = steps(50)
    assert [step.index for step in schedule] == list(range(50))
    assert all(one.end == then.start for one, then in pairwise(schedule))
    assert all(step.end.noise < step.start.noise for step in schedule)
    assert all(abs(step.start.signal**2 + step.start.noise**2 - 1) < 1e-9 for step in schedule)


def test_a_schedule_is_a_sequence_that_keeps_its_meaning() -> None:
    schedule = steps(5, velocity)
    assert len(schedule) == 5
    assert isinstance(schedule[1:3], Schedule)
    assert list(schedule[1:3]) == [schedule[1], schedule[2]]
    assert schedule[1:3].split is schedule.alone(schedule[4]).split is velocity
    assert schedule.inverted().inverted() == schedule == steps(5, velocity)
    assert schedule != steps(5)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
@pytest.mark.parametrize("invert", [False, True])
def test_latents_that_break_are_an_error_that_names_the_step(wrong: float, invert: bool) -> None:
    def breaks(x: Tensor, step: Step) -> Tensor:
        return x * (wrong if step.index == 2 else 1)

    schedule = steps(4).inverted() if invert else steps(4)
    with pytest.raises(FloatingPointError, match="at step 3; try float32"):
        list(sample(breaks, latents(), schedule))


@pytest.mark.parametrize("count", [0, -3, 1000, 5000])
def test_an_impossible_number_of_steps_is_an_error_that_names_the_range(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 999"):
        steps(count)


def test_guidance_goes_from_one_prediction_through_the_other() -> None:
    without, towards = latents(), latents().flip(0)
    assert torch.equal(classifier_free(without, towards, 0.0), without)
    torch.testing.assert_close(classifier_free(without, towards, 1.0), towards)
    torch.testing.assert_close(classifier_free(without, towards, 3.0), 3 * towards - 2 * without)
