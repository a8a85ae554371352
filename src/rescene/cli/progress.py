"""How far a run is: bars for people, or one JSON object a line for machines; both on stderr."""

import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from ..progress import Progress, T


@runtime_checkable
class Say(Protocol):
    """Tells people a line, and machines its `facts`."""

    def __call__(self, text: str, /, **facts: object) -> None: ...


@dataclass(frozen=True)
class Reporter:
    """How a run talks while it is at work."""

    progress: Progress
    say: Say


@contextmanager
def reporting(*, as_json: bool) -> Iterator[Reporter]:
    """A block in which progress is shown."""
    if as_json:
        yield Reporter(report_json, lambda text, **facts: event(message=text, **facts))
        return
    columns = TextColumn("{task.description:<14}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Bars(*columns, console=Console(stderr=True)) as bars:

        def report(iterable: Iterable[T], /, *, description: str, total: int) -> Iterable[T]:
            task = bars.add_task(description, total=total)
            for item in iterable:
                bars.advance(task)
                yield item

        def say(text: str, **facts: object) -> None:
            # Soft-wrapped: a path or a message stays one line, to be copied or searched.
            bars.console.print(text, markup=False, highlight=False, soft_wrap=True)

        yield Reporter(report, say)


def report_json(iterable: Iterable[T], /, *, description: str, total: int) -> Iterator[T]:
    """Prints one event before the first item and one with each."""
    began = time.monotonic()
    event(stage=description, step=0, total=total, seconds_left=None)
    for done, item in enumerate(iterable, start=1):
        left = (time.monotonic() - began) / done * (total - done)
        event(stage=description, step=done, total=total, seconds_left=round(left, 1))
        yield item


def event(**values: object) -> None:
    """Prints one event."""
    print(json.dumps(values), file=sys.stderr, flush=True)
