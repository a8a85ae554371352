"""Measures a program phase by phase, each benchmark in a fresh process, and shows the phases in a table."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rescene.bench.meter import Meter
from rescene.progress import T


@dataclass
class Phases:
    """Collects one row per phase. Memory is the process's resident peak, or the GPU's if there is one."""

    rows: dict[str, dict[str, float]] = field(default_factory=dict)

    def progress(self, iterable: Iterable[T], /, *, description: str, total: int) -> Iterator[T]:
        """Measures an iteration as a phase: give it to a method as its `progress`."""
        with self.phase(description.lower()):
            yield from iterable

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measures a block."""
        with Meter() as meter:
            yield
        if meter.peak is None:
            raise OSError("this system doesn't tell how much memory a process takes; use Linux or a GPU")
        self.rows[name] = {
            "seconds": meter.seconds,
            "cpu_seconds": meter.cpu_seconds,
            "peak_mb": meter.peak / 1e6,
        }


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
