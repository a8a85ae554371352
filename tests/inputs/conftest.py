"""Frames to fit and to mask."""

from collections.abc import Callable

import pytest
import torch


@pytest.fixture
def frames() -> Callable[..., torch.Tensor]:
    """Smooth frames [F, 3, H, W] in [0, 1], each a little brighter than the one before."""

    def make(count: int, height: int, width: int) -> torch.Tensor:
        down, across = torch.meshgrid(
            torch.linspace(0, 0.8, height), torch.linspace(0, 0.8, width), indexing="ij"
        )
        still = torch.stack([down, across, (down + across) / 2])
        return torch.stack([still + 0.02 * number for number in range(count)]).clamp(0, 1)

    return make
