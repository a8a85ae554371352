"""Latents outside a mask follow the source."""

import pytest
import torch

from rescene.inputs import Inputs
from rescene.inputs.masks import Mask
from rescene.methods.held import Held
from rescene.sampling import Level, Step, noised, sample
from rescene.sampling.ode import Schedule
from rescene.video import Video

STEP = Step(index=0, timestep=1, start=Level(0.5, 0.5), end=Level(0.8, 0.2))


@pytest.fixture
def inputs() -> Inputs:
    """Three frames: the right half may change, and in the last frame a quarter before it may by half."""
    white = torch.zeros(3, 3, 64, 64)
    white[..., 32:] = 1
    white[2, ..., 16:32] = 0.5
    return Inputs(video=Video.of(torch.rand(3, 3, 64, 64), 8), mask=Mask(Video.of(white, 8)))


def test_outside_is_the_source_and_in_between_a_mixture(inputs, model):
    source, z = torch.rand(3, 4, 8, 8), torch.rand(3, 4, 8, 8)
    held = Held.by(inputs, model, lambda step: source)
    assert held
    kept = held(z, STEP)
    assert torch.equal(kept[..., 4:], z[..., 4:])
    assert torch.equal(kept[..., :2], source[..., :2])
    torch.testing.assert_close(kept[2, ..., 2:4], (z + source)[2, ..., 2:4] / 2)
    assert torch.equal(held.of(slice(1, 3))(z[1:], STEP), kept[1:])


def test_a_source_is_noised_to_the_level_that_is_reached(inputs, model):
    noise = torch.rand(3, 4, 8, 8)
    held = Held.noised(inputs, model, noise)
    assert held
    source = noised(model.encode(inputs.video), noise, STEP.end)
    assert torch.equal(held(noise, STEP)[..., :2], source[..., :2])


def test_without_a_mask_nothing_is_held(inputs, model):
    bare = Inputs(video=inputs.video)
    assert Held.by(bare, model, lambda step: torch.zeros(3, 4, 8, 8)) is None
    assert Held.noised(bare, model, torch.zeros(3, 4, 8, 8)) is None


def test_samplers_change_latents_after_each_step():
    schedule = Schedule((STEP,), split=lambda x, prediction, level: (x, prediction))
    (plain,) = sample(lambda x, step: x, torch.ones(2), schedule)
    (kept,) = sample(lambda x, step: x, torch.ones(2), schedule, keep=lambda x, step: x + step.timestep)
    assert torch.equal(kept, plain + 1)
