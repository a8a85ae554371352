"""Predictions for clips longer than a network's own: overlapping windows of each step, blended.

All windows advance together, one step at a time, and none is handed what another made: nothing drifts.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ..typing import Latents
from .ode import Step

ClipDenoise = Callable[[Latents, Step], Latents]
"""The prediction for a clip's latents."""


def windowed(denoise: ClipDenoise, *, length: int, overlap: int) -> ClipDenoise:
    """The prediction for clips of any length, from windows that a network takes.

    Args:
        denoise: The prediction for one window.
        length: Latents in a window.
        overlap: Latents that it shares with the next one, at least.
    """

    def whole(z: Latents, step: Step) -> Latents:
        if len(z) <= length:
            return denoise(z, step)
        total = torch.zeros_like(z)
        for span, weights in zip(*blend(len(z), length=length, overlap=overlap), strict=True):
            total[span] += weights[:, None, None, None].to(z) * denoise(z[span], step)
        return total

    return whole


def spans(latents: int, *, length: int, overlap: int) -> list[slice]:
    """Windows over a clip: the last one is moved back to end with it."""
    starts = range(0, max(latents - overlap, 1), length - overlap)
    last = max(latents - length, 0)
    return [slice(start, min(start + length, latents)) for start in (min(start, last) for start in starts)]


def ramps(windows: list[slice]) -> list[Float[Tensor, " n"]]:
    """How much each window counts: less towards its neighbours, over what it shares with them."""
    counts: list[Tensor] = []
    for number, span in enumerate(windows):
        own = torch.arange(span.stop - span.start) + 0.5
        weight = torch.ones(len(own))
        if number and (shared := windows[number - 1].stop - span.start) > 0:
            weight = weight.minimum(own / shared)
        if number + 1 < len(windows) and (shared := span.stop - windows[number + 1].start) > 0:
            weight = weight.minimum((len(own) - own) / shared)
        counts.append(weight)
    return counts


def blend(latents: int, *, length: int, overlap: int) -> tuple[list[slice], list[Float[Tensor, " n"]]]:
    """The windows over a clip, and shares of each that add up to 1 everywhere."""
    windows = spans(latents, length=length, overlap=overlap)
    counts, total = ramps(windows), torch.zeros(latents)
    for span, weight in zip(windows, counts, strict=True):
        total[span] += weight
    return windows, [weight / total[span] for span, weight in zip(windows, counts, strict=True)]
