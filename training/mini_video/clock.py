# ruff: noqa: T201
"""The time that a training may take, and its log."""

import json
import signal
import time
from pathlib import Path
from types import FrameType


class Clock:
    """Counts from the beginning of the program. SIGTERM ends the time at once, so that all is saved."""

    def __init__(self, total: float) -> None:
        self.begin, self.total = time.monotonic(), total
        signal.signal(signal.SIGTERM, self._stop)

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.begin

    @property
    def left(self) -> float:
        """Seconds to the end."""
        return self.total - self.now

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.total = self.now


class Log:
    """Lines of JSON, with the time, in a file and on the screen."""

    def __init__(self, file: Path, clock: Clock) -> None:
        self.file, self.clock = file, clock

    def __call__(self, **entries: object) -> None:
        """Adds a line."""
        line = json.dumps({"seconds": round(self.clock.now, 1), **entries})
        print(line, flush=True)
        with self.file.open("a") as file:
            file.write(line + "\n")


class Every:
    """Tells when so many seconds have gone by since the last time."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.last = seconds, time.monotonic()

    def __bool__(self) -> bool:
        if time.monotonic() - self.last < self.seconds:
            return False
        self.last = time.monotonic()
        return True
