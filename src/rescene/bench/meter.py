"""What computing costs: time and peak memory."""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from ..metrics import About, Score

SECONDS = About(name="seconds", title="Time", group="cost", better="lower", unit="s")
CPU_SECONDS = About(name="cpu_seconds", title="Processor time", group="cost", better="lower", unit="s")
PEAK = About(name="peak_memory", title="Peak memory", group="cost", better="lower", unit="MB")


@dataclass
class Meter:
    """Measures a block: `with Meter() as meter`, then `meter.scores()`."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak: int | None = None

    def __enter__(self) -> "Meter":
        reset_peak()
        self.seconds, self.cpu_seconds = -time.perf_counter(), -time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.seconds += time.perf_counter()
        self.cpu_seconds += time.process_time()
        self.peak = peak_bytes()

    def scores(self) -> tuple[Score, ...]:
        """The costs as numbers like any other; without the memory where the system doesn't tell it."""
        what = (
            "tensors on the GPU" if torch.cuda.is_available() else "resident, interpreter and model included"
        )
        costs = [
            Score(about=SECONDS, value=self.seconds, how="by the clock"),
            Score(about=CPU_SECONDS, value=self.cpu_seconds, how="of all threads"),
        ]
        if self.peak is not None:
            costs.append(Score(about=PEAK, value=self.peak / 1e6, how=what))
        return tuple(costs)


def reset_peak() -> None:
    """Forgets peaks so far (Linux: /proc/self/clear_refs, see proc(5))."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_bytes() -> int | None:
    """The peak since the last reset: of the GPU if there is one, else of the process; None if unknown."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    with suppress(OSError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return None
