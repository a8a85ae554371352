"""How long an edit takes: as the last one like it did, or worked out before the first one."""

import time
from dataclasses import dataclass, field
from functools import cache

import torch
from torch.utils.flop_counter import FlopCounterMode

from ..backbones import StableDiffusion

PASSES = 3
"""How often a method sees a frame at a step, where no plan says it: to invert, and in two branches."""
USED = 0.35
"""The share of a matrix product's speed that a network reaches."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """How much an edit is to compute."""

    method: str
    model: str
    evaluations: int
    """How often the network sees a frame."""
    size: tuple[int, int]
    """Height and width in pixels at work."""

    @property
    def amount(self) -> int:
        """In evaluated pixels."""
        return self.evaluations * self.size[0] * self.size[1]


@dataclass
class Pace:
    """Seconds that a unit of work took, for each method and model."""

    _seconds: dict[tuple[str, str], float] = field(default_factory=dict)

    def learn(self, work: Work, seconds: float) -> None:
        """Takes down how long a job took."""
        self._seconds[work.method, work.model] = seconds / work.amount

    def expected(self, work: Work) -> float | None:
        """Seconds that a job should take; None before the first one of its kind."""
        pace = self._seconds.get((work.method, work.model))
        return None if pace is None else pace * work.amount


def guessed(work: Work, outline: StableDiffusion, device: torch.device) -> float | None:
    """Seconds that a job may take, by the network's arithmetic: right to about a factor of two.

    Args:
        work: What is to be done.
        outline: The model without its weights.
        device: Where it will compute.

    Returns:
        The seconds; None if the outline has weights, so that counting were computing.
    """
    if outline.unet.device.type != "meta":
        return None
    per_frame = operations(outline, work.size)
    return work.evaluations * per_frame / (USED * speed(device, outline.unet.dtype))  # pyright: ignore


def operations(outline: StableDiffusion, size: tuple[int, int]) -> int:
    """Floating-point operations for one frame."""
    config, where = outline.unet.config, {"device": "meta", "dtype": outline.unet.dtype}
    shape = 1, config["in_channels"], size[0] // outline.scale, size[1] // outline.scale
    text = torch.empty(1, outline.tokenizer.model_max_length, config["cross_attention_dim"], **where)  # pyright: ignore
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        outline.unet(torch.empty(shape, **where), torch.zeros((), device="meta"), encoder_hidden_states=text)  # pyright: ignore
    return counter.get_total_flops()


@cache
def speed(device: torch.device, dtype: torch.dtype) -> float:
    """Floating-point operations a second, of a product of matrices: the best of a few."""
    side, best = 1024, float("inf")
    matrix = torch.ones(side, side, device=device, dtype=dtype)
    for _ in range(4):
        began = time.perf_counter()
        (matrix @ matrix).sum().item()
        best = min(best, time.perf_counter() - began)
    return 2 * side**3 / best


def spoken(seconds: float) -> str:
    """A time in words: `8 s`, `1 min 20 s`, `2 h 5 min`."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    hours, rest = divmod(whole // 60, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
