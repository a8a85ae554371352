"""What networks learn to predict is what their predictions mean."""

import pytest
import torch

from rescene.sampling import Level, Split, Wanted, epsilon, velocity, wanted_epsilon, wanted_velocity


@pytest.mark.parametrize(("wanted", "split"), [(wanted_epsilon, epsilon), (wanted_velocity, velocity)])
def test_a_perfect_prediction_gives_clean_latents_and_noise_back(wanted: Wanted, split: Split) -> None:
    clean, eps = torch.randn(2, 3, 4, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    level = Level(0.6, 0.8)
    x = level.signal * clean + level.noise * eps
    torch.testing.assert_close(split(x, wanted(clean, eps, level), level), (clean, eps))
