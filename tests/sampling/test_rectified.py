"""Midpoint steps and RF-Inversion's controlled paths, on velocities whose paths are known."""

import pytest
import torch

from rescene.sampling import Schedule, flow, rectified_flow
from rescene.sampling.rectified import midpoint, towards_clean, towards_noise

X, E = torch.randn(2, 3, 4, 8, 8, generator=torch.Generator().manual_seed(0)).double()


def steps(count):
    return Schedule(tuple(rectified_flow(count, lowest=0)), flow)


def growing(z, step):
    """dz/ds = z: multiplies by e on the way to noise."""
    return z


@pytest.mark.parametrize("reuse", [False, True])
def test_errors_shrink_with_the_square_of_the_steps(reuse):
    def error(count):
        *_, z = midpoint(growing, X, steps(count).inverted(), reuse=reuse)
        return (z - torch.e * X).norm()

    assert error(16) < 0.3 * error(8) < 0.09 * error(4) * 1.2


def test_fireflow_takes_one_pass_a_step_but_for_the_first():
    for reuse, passes in ((False, 10), (True, 6)):
        told = []

        def velocity(z, step, told=told):
            told.append(step.timestep)
            assert step.timestep == pytest.approx(1000 * step.start.noise)
            return E - X

        *_, z = midpoint(velocity, E, steps(5), reuse=reuse)
        assert torch.allclose(z, X)
        assert len(told) == passes
        assert told[:2] == pytest.approx([1000, 900])


def test_paths_go_where_they_are_drawn():
    *_, up = towards_noise(growing, X, steps(5).inverted(), E, 1.0)
    assert torch.allclose(up, E)
    *_, free = towards_noise(growing, X, steps(5).inverted(), E, 0.0)
    assert torch.allclose(free, X * 1.2**5)
    *_, down = towards_clean(growing, E, steps(5), X, 1.0, 5)
    assert torch.allclose(down, X)
    *_, released = towards_clean(growing, E, steps(5), X, 1.0, 0)
    assert torch.allclose(released, E * 0.8**5)


def test_a_partial_pull_comes_nearer():
    def distance(eta):
        *_, z = towards_clean(growing, E, steps(5), X, eta, 3)
        return (z - X).norm()

    assert distance(0.9) < distance(0.5) < distance(0)
