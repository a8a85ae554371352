"""Noise by frame, camera moves, and random steps against diffusers'."""

import pytest
import torch
from diffusers import DDIMScheduler

from rescene.sampling import Level, Schedule, Step, ddim, epsilon, sample
from rescene.sampling.noise import ancestral, frame_noise, renoise, warp


def test_a_frames_noise_depends_on_its_number_and_the_seed_alone():
    together, alone = frame_noise((4, 3, 5), range(4), 7), frame_noise((4, 3, 5), [2], 7)
    assert torch.equal(together[2:3], alone)
    assert not torch.equal(alone, frame_noise((4, 3, 5), [2], 8))
    assert not torch.equal(alone, frame_noise((4, 3, 5), [3], 7))


def test_a_camera_at_rest_changes_nothing_and_a_moved_one_shows_what_is_right_and_below():
    z = torch.arange(64.0).view(1, 1, 8, 8)
    shifts = torch.tensor([[0.0, 0.0], [64.0, 128.0]])
    still, moved = warp(z, shifts, torch.ones(2))
    assert torch.equal(still, z[0])
    assert torch.equal(moved[:, :5, :6], z[0, :, 2:7, 1:7])


def test_edges_are_mirrored_however_far_the_camera_goes():
    z = torch.randn(1, 2, 8, 8)
    far = warp(z, torch.tensor([[512.0, 0.0], [1024.0, 0.0]]), torch.ones(2))
    assert torch.equal(far[0], z[0].flip(-1))
    assert torch.equal(far[1], z[0])


def test_fresh_noise_reaches_the_level_exactly():
    start, end = Level(0.8, 0.6), Level(0.6, 0.8)
    ones = torch.ones(1, 1, 1, 1)
    kept, added = renoise(ones, 0 * ones, start, end).item(), renoise(0 * ones, ones, start, end).item()
    assert kept * start.signal == pytest.approx(end.signal)
    assert (kept * start.noise) ** 2 + added**2 == pytest.approx(end.noise**2)


def test_random_steps_are_diffusers():
    scheduler = DDIMScheduler(beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False)
    scheduler.set_timesteps(5)
    alphas = scheduler.alphas_cumprod.tolist()
    steps: list[Step] = ddim(alphas, 5, offset=0, final=alphas[0])
    x, eps, noise = torch.randn(3, 1, 4, 8, 8)
    for step, time in zip(steps[:-1], scheduler.timesteps, strict=False):
        theirs = scheduler.step(eps, int(time), x, eta=1.0, variance_noise=noise, return_dict=False)[0]
        calm, fresh = ancestral(step, 1.0)
        (ours,) = sample(lambda _, __: eps, x, Schedule((calm,), epsilon))
        torch.testing.assert_close(ours + fresh * noise, theirs, rtol=1e-4, atol=1e-5)
