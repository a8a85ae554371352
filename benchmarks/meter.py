"""Measures phases of a program: wall time, CPU time, peak memory."""

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

from rescene.progress import T


@dataclass
class Meter:
    """Collects one row per phase. Memory is the process's resident peak, or the GPU's if there is one."""

    rows: dict[str, dict[str, float]] = field(default_factory=dict)

    def progress(self, iterable: Iterable[T], /, *, description: str, total: int) -> Iterator[T]:
        """Measures an iteration as a phase: give it to a method as its `progress`."""
        with self.phase(description.lower()):
            yield from iterable

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measures a block."""
        reset_peak()
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.rows[name] = {
            "seconds": time.perf_counter() - wall,
            "cpu_seconds": time.process_time() - cpu,
            "peak_mb": peak_bytes() / 1e6,
        }


def reset_peak() -> None:
    """Forgets peaks so far (Linux: /proc/self/clear_refs, see proc(5))."""
    Path("/proc/self/clear_refs").write_text("5")
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_bytes() -> float:
    """The peak since the last reset."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def in_fresh_process(*arguments: str) -> dict[str, dict[str, float]]:
    """Runs a benchmark module again in a process of its own, and reads the rows that it prints last."""
    done = subprocess.run([sys.executable, *arguments], stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def table(rows: dict[str, dict[str, float]]) -> str:
    """A Markdown table."""
    lines = ["| phase | seconds | CPU seconds | peak MB |", "|---|---|---|---|"]
    for name, row in rows.items():
        lines.append(f"| {name} | {row['seconds']:.1f} | {row['cpu_seconds']:.1f} | {row['peak_mb']:.0f} |")
    total = sum(row["cpu_seconds"] for row in rows.values())
    lines.append(f"| all | | {total:.1f} | {max(row['peak_mb'] for row in rows.values()):.0f} |")
    return "\n".join(lines)
