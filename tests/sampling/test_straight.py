"""Levels of all families as points of straight paths."""

from itertools import pairwise

import pytest
import torch

from rescene.sampling import (
    Schedule,
    clean_step,
    ddim,
    denoised,
    epsilon,
    flow,
    karras,
    rectified_flow,
    straight,
    straightened,
    velocity,
    wanted_epsilon,
    wanted_velocity,
)

ALPHAS = torch.linspace(0.9999, 0.98, 1000).cumprod(0).tolist()
IMAGES = ddim(ALPHAS, 6, offset=1, final=ALPHAS[0])
FAMILIES = {
    "epsilon": (Schedule(tuple(IMAGES), epsilon), wanted_epsilon),
    "v": (Schedule(tuple(IMAGES), velocity), wanted_velocity),
    "edm": (
        Schedule(tuple(karras(6, sigma_min=0.002, sigma_max=700)), denoised),
        lambda clean, eps, level: clean,
    ),
    "flow": (Schedule(tuple(rectified_flow(6)), flow), lambda clean, eps, level: eps - clean),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_levels_lie_on_straight_paths_to_the_clean_end(family):
    own = FAMILIES[family][0]
    steps = straight(own)
    assert [(step.index, step.timestep) for step in steps] == [(step.index, step.timestep) for step in own]
    for step, after in pairwise(steps):
        assert sum(step.start) == pytest.approx(1)
        assert step.end == after.start
        assert step.start.noise > step.end.noise
    assert clean_step(steps).start == steps[-1].end == (1, 0)
    assert clean_step(steps[-2:]) == clean_step(steps)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_perfect_network_has_the_velocity_of_the_path(family):
    own, wanted = FAMILIES[family]
    clean, eps = torch.randn(2, 3, 4, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    seen = []

    def perfect(x, step):
        seen.append(step)
        assert torch.allclose(x, step.start.signal * clean + step.start.noise * eps), "the model's own mix"
        return wanted(clean, eps, step.start)

    find = straightened(perfect, own)
    for step in straight(own):
        z = step.start.signal * clean + step.start.noise * eps
        assert torch.allclose(find(z, step), eps - clean, rtol=1e-6, atol=1e-6)
    assert seen == list(own)


@pytest.mark.parametrize("family", ["epsilon", "v", "flow"])
def test_the_clean_end_has_a_velocity_too(family):
    own, wanted = FAMILIES[family]
    clean, eps = torch.randn(2, 3, 4, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    at = clean_step(own)

    def perfect(x, step):
        assert step == at
        return wanted(clean, eps, step.start)

    exact = at.start.noise == 0
    z = clean if exact else (at.start.signal * clean + at.start.noise * eps) / sum(at.start)
    found = straightened(perfect, own)(z, clean_step(straight(own)[-2:]))
    assert torch.allclose(found, eps - clean, rtol=1e-6, atol=1e-6)
