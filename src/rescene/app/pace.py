"""How long an edit takes: as the last one like it did, or worked out before the first one."""

import time
from dataclasses import dataclass, field
from functools import cache

import torch

from ..backbones import Backbone
from ..backbones.operations import operations
from ..runs.run import Prepared

USED = 0.35
"""The share of a matrix product's speed that a network reaches."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """How much a run is to compute."""

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


def workload(run: Prepared) -> Workload | None:
    """How much a run is to compute; None where only the method knows at what size."""
    if run.fit is None:
        return None
    return Workload(
        method=f"{run.recipe.verb} {run.recipe.method.name}",
        model=run.recipe.model.name,
        evaluations=run.cost.evaluations,
        size=run.fit.size,
    )


@dataclass
class Pace:
    """Seconds that a unit of work took, for each method and model."""

    _seconds: dict[tuple[str, str], float] = field(default_factory=dict)

    def learn(self, work: Workload, seconds: float) -> None:
        """Takes down how long a job took."""
        self._seconds[work.method, work.model] = seconds / work.amount

    def expected(self, work: Workload) -> float | None:
        """Seconds that a job should take; None before the first one of its kind."""
        pace = self._seconds.get((work.method, work.model))
        return None if pace is None else pace * work.amount


def guessed(work: Workload, outline: Backbone, device: torch.device) -> float | None:
    """Seconds that a job may take, by the network's arithmetic: right to about a factor of two.

    Args:
        work: What is to be done.
        outline: The model without its weights.
        device: Where it will compute.

    Returns:
        The seconds; None if the outline has weights, so that counting were computing.
    """
    if outline.device.type != "meta":
        return None
    return work.evaluations * operations(outline, work.size) / (USED * speed(device, outline.dtype))


def estimate(run: Prepared, pace: Pace, device: torch.device, *, waiting: int) -> str:
    """A line that says, before anything runs, how long a run takes and how much memory.

    Args:
        run: What is to be done.
        pace: That of earlier jobs.
        device: Where it will compute.
        waiting: How many jobs come first.
    """
    parts: list[str] = []
    if work := workload(run):
        height, width = work.size
        parts.append(f"{len(run.given.video or ())} frames at {width} × {height}")
        known = pace.expected(work)
        seconds = guessed(work, run.outline, device) if known is None else known
        if seconds is not None:
            parts.append(f"about {spoken(seconds)}{' (a first guess)' if known is None else ''}")
    parts.append(f"{gigabytes(run.cost.peak)} of memory")
    if waiting:
        parts.append(f"after {waiting} other job{'s' if waiting > 1 else ''}")
    return " · ".join(parts)


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


def gigabytes(size: int) -> str:
    """Bytes in words."""
    return f"{size / 1e9:.1f} GB" if size >= 10**9 else f"{size / 1e6:.0f} MB"
