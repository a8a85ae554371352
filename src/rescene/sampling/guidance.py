"""Combines a network's predictions for several conditions into the one to follow."""

from torch import Tensor


def classifier_free(without: Tensor, towards: Tensor, scale: float) -> Tensor:
    """Moves from the prediction without the prompt towards the one with it (Ho and Salimans, 2022)."""
    return without + scale * (towards - without)
