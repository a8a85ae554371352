"""What a network's prediction means: noisy latents split by it into (clean, eps), and what it should be."""

from collections.abc import Callable

from torch import Tensor

from .ode import Level

Wanted = Callable[[Tensor, Tensor, Level], Tensor]
"""(clean, eps, level) to what a network learns to predict for their mix."""


def epsilon(x: Tensor, prediction: Tensor, level: Level) -> tuple[Tensor, Tensor]:
    """The network predicts the noise (Ho et al., 2020)."""
    return (x - level.noise * prediction) / level.signal, prediction


def velocity(x: Tensor, prediction: Tensor, level: Level) -> tuple[Tensor, Tensor]:
    """The network predicts v = signal * eps - noise * clean (Salimans and Ho, 2022, appendix D)."""
    return level.signal * x - level.noise * prediction, level.signal * prediction + level.noise * x


def denoised(x: Tensor, prediction: Tensor, level: Level) -> tuple[Tensor, Tensor]:
    """The network predicts the clean signal (Karras et al., 2022)."""
    return prediction, (x - level.signal * prediction) / level.noise


def flow(x: Tensor, prediction: Tensor, level: Level) -> tuple[Tensor, Tensor]:
    """The network predicts eps - clean, and signal + noise = 1 (Liu et al., 2023)."""
    return x - level.noise * prediction, x + level.signal * prediction


def wanted_epsilon(clean: Tensor, eps: Tensor, level: Level) -> Tensor:
    """What a network that predicts the noise learns."""
    return eps


def wanted_velocity(clean: Tensor, eps: Tensor, level: Level) -> Tensor:
    """What a network that predicts v learns."""
    return level.signal * eps - level.noise * clean
