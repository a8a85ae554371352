"""Moves latents along the noise schedule, towards the video or away from it.

Every model family mixes a clean signal with noise: x = signal * clean + noise * eps. A step keeps the model's
estimate of both and changes the mix. DDIM (Song et al., 2021, eq. 12 with eta 0), Euler steps for EDM (Karras
et al., 2022, algorithm 1) and Euler steps for rectified flow (Liu et al., 2023) differ only in their levels
and in how a prediction is split into clean signal and noise (`predictions.py`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, overload

from torch import Tensor


class Level(NamedTuple):
    """How much signal and how much noise latents hold."""

    signal: float
    noise: float


@dataclass(frozen=True)
class Step:
    """One move along the schedule."""

    index: int
    """Position in the schedule: 0 starts from pure noise, in either direction."""
    timestep: float
    """What the network is told: always the step's noisy end."""
    start: Level
    """The mix of the latents that the step is given."""
    end: Level
    """The mix of the latents that it returns."""


Denoise = Callable[[Tensor, Step], Tensor]
"""The network's prediction for latents at `step.start`; guidance and hooks live inside."""
Keep = Callable[[Tensor, Step], Tensor]
"""(latents, step) to latents: what becomes of them after a step, such as the source's outside a mask."""
Split = Callable[[Tensor, Tensor, Level], tuple[Tensor, Tensor]]
"""(latents, prediction, level) to (clean, eps): what a prediction means."""


@dataclass(frozen=True)
class Schedule(Sequence[Step]):
    """Steps in the order in which they are taken, and what the model's predictions mean."""

    steps: tuple[Step, ...]
    split: Split

    def __len__(self) -> int:
        return len(self.steps)

    @overload
    def __getitem__(self, at: int) -> Step: ...

    @overload
    def __getitem__(self, at: slice) -> "Schedule": ...

    def __getitem__(self, at: int | slice) -> "Step | Schedule":
        return replace(self, steps=self.steps[at]) if isinstance(at, slice) else self.steps[at]

    def alone(self, step: Step) -> "Schedule":
        """A schedule of one step, which may be a variant of one of these."""
        return replace(self, steps=(step,))

    def inverted(self) -> "Schedule":
        """The same steps from their end to their start; the network is told the same noisy ends."""
        back = tuple(replace(step, start=step.end, end=step.start) for step in reversed(self.steps))
        return replace(self, steps=back)


def sample(denoise: Denoise, x: Tensor, schedule: Schedule, *, keep: Keep | None = None) -> Iterator[Tensor]:
    """Yields the latents after each step of a schedule, in either direction; `keep` may change them there.

    Raises:
        FloatingPointError: If some are NaN or infinite.
    """
    for step in schedule:
        clean, eps = schedule.split(x, denoise(x, step), step.start)
        x = step.end.signal * clean + step.end.noise * eps
        x = refuse_nan(x, step)
        x = keep(x, step) if keep else x
        yield x


def refuse_nan(x: Tensor, step: Step) -> Tensor:
    """Returns latents as they are.

    Raises:
        FloatingPointError: If some are NaN or infinite.
    """
    if not x.isfinite().all():
        raise FloatingPointError(
            f"latents became NaN or infinite at step {step.index + 1}; try float32, less emphasis on "
            "words or a lower guidance scale"
        )
    return x
