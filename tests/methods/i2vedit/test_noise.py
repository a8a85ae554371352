"""Noise in smooth areas."""

import torch

from rescene.methods.i2vedit.noise import perturb, smooth_areas


def half_textured() -> torch.Tensor:
    """Black on the left, random on the right."""
    frames = torch.zeros(2, 3, 16, 24)
    frames[..., 12:] = torch.rand(2, 3, 16, 12, generator=torch.Generator().manual_seed(0))
    return frames


def test_only_smooth_areas_get_noise() -> None:
    # Mid grey, as pixels outside the frame count as that.
    frames = half_textured()
    frames[..., :12] = 0.5
    noise = torch.randn(frames.shape, generator=torch.Generator().manual_seed(1))
    added = perturb(frames, noise, 0.01) - frames
    torch.testing.assert_close(added[..., :11], 0.005 * noise[..., :11])
    assert not added[..., 12:].any()


def test_values_stay_in_range() -> None:
    frames = torch.zeros(1, 3, 16, 16)
    noisy = perturb(frames, torch.full(frames.shape, -1.0), 0.5)
    assert (noisy.min(), noisy.max()) == (0, 0)


def test_smooth_means_next_to_no_gradient() -> None:
    ramp = torch.linspace(0, 1, 32).expand(1, 3, 16, 32)
    assert not smooth_areas(ramp).any()
    assert smooth_areas(torch.full((1, 3, 8, 8), 0.5)).all()
    assert not smooth_areas(torch.ones(1, 3, 8, 8))[0, 0].any()  # Next to the frame's end, which is grey.
