"""What runs and what waits: one job at a time per model, on threads that no browser tab can take along."""

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .errors import told

log = logging.getLogger(__name__)

State = Literal["waiting", "running", "done", "failed", "cancelled"]
MOST_WAITING = 20
"""Jobs that may wait for one model; further ones are refused."""
MOST_KEPT = 200
"""Jobs that are remembered; the oldest finished ones are forgotten beyond it. Their results stay."""

PATIENCE = 60.0
"""Seconds that a job may take to end when the app does: a step of it."""


class Cancelled(Exception):  # noqa: N818
    """Somebody wants the job to stop."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The files that a job made."""

    files: Mapping[str, Path]
    """By what they are: `result` (a video), `settings`, `source` (what was edited, to be
    played in step with the result), `adapter`, `curve`, `page`."""
    facts: str = ""
    """A line about the result."""


@dataclass(eq=False, kw_only=True)
class Job:
    """Something that was asked for. Its worker writes to it, and everybody may read `snapshot`."""

    title: str
    lane: str
    """The model that it needs to itself."""
    work: Callable[["Job"], Outcome] | None = field(repr=False)
    """Makes it; forgotten once the job has ended, with all the frames that it needs."""
    settings: dict[str, Any] = field(default_factory=dict)
    """What was asked for, to be asked for again."""
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    """Whoever knows it may see and stop the job."""
    state: State = "waiting"
    stage: str = ""
    step: int = 0
    total: int = 0
    error: str = ""
    preview: str = ""
    """A moving picture of the current latents, as a data URL."""
    expected: float | None = None
    """Seconds that the whole job should take."""
    look: Callable[[object], str | None] | None = field(default=None, repr=False)
    """Makes a preview of what passes through `progress`, or None."""
    again: Callable[[int], "Job"] | None = field(default=None, repr=False)
    """Puts the same into the queue with another seed, where one matters."""
    outcome: Outcome | None = None
    shown: dict[str, Path] = field(default_factory=dict)
    """Files to look at while the job runs, named as those of an outcome."""
    created: float = field(default_factory=time.time)
    ended: threading.Event = field(default_factory=threading.Event, repr=False)
    _began: float = 0.0
    _stage_began: float = 0.0
    _seconds: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)

    def progress(self, iterable: Iterable[Any], /, *, description: str, total: int) -> Iterator[Any]:
        """A `Progress` that shows how far the job is, and ends it when it is cancelled."""
        self.check()
        self.stage, self.step, self.total, self._stage_began = description, 0, total, time.monotonic()
        for done, item in enumerate(iterable, start=1):
            self.check()
            self.step = done
            self.preview = (self.look and self.look(item)) or self.preview
            yield item
        self.check()

    def begin(self, stage: str) -> None:
        """Names a stage that has no steps to count."""
        self.check()
        self.stage, self.step, self.total, self._stage_began = stage, 0, 0, time.monotonic()

    def show(self, **files: Path) -> None:
        """Offers files to look at before the job is done."""
        self.shown = {**self.shown, **files}

    @property
    def files(self) -> Mapping[str, Path]:
        """What there is to see."""
        return self.outcome.files if self.outcome else self.shown

    def check(self) -> None:
        """Ends the job, if it is to end.

        Raises:
            Cancelled: If it is.
        """
        if self._stop.is_set():
            raise Cancelled

    def cancel(self) -> None:
        """Asks the job to end: at once while it waits, after the step at work while it runs."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether it was asked to end and hasn't yet."""
        return self._stop.is_set() and not self.ended.is_set()

    def seconds(self) -> float:
        """How long it has run."""
        return time.monotonic() - self._began if self.state == "running" else self._seconds

    def seconds_left(self) -> float | None:
        """How long it should still take: what was expected, or as the stage at work goes on."""
        if self.state != "running":
            return None
        whole = None if self.expected is None else self.expected - self.seconds()
        if not self.step:
            return whole and max(whole, 0)
        stage = (time.monotonic() - self._stage_began) / self.step * (self.total - self.step)
        return max(stage, whole or 0)

    def run(self) -> None:
        """Does the work, and takes down how it ended."""
        self._began = time.monotonic()
        self.state = "running"
        try:
            self.check()
            assert self.work
            self.outcome = self.work(self)
            end: State = "done"
        except Cancelled:
            end = "cancelled"
        except Exception as error:  # Whatever it is, it mustn't take the queue along.
            self.error, end = told(error), "failed"
        self._seconds = time.monotonic() - self._began
        self.end(end)

    def end(self, state: State) -> None:
        """Ends the job, and lets go of all that it worked on."""
        self.state, self.look, self.work = state, None, None
        self.ended.set()


class Jobs:
    """All jobs, and a thread for each model that has any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._waiting: dict[str, deque[Job]] = {}
        self._running: dict[str, Job] = {}

    def submit(self, job: Job) -> Job:
        """Puts a job at the end of its model's queue.

        Raises:
            ValueError: If too many wait already.
        """
        with self._lock:
            queue = self._waiting.setdefault(job.lane, deque())
            if len(queue) >= MOST_WAITING:
                raise ValueError(f"{len(queue)} jobs wait for {job.lane} already; try again later")
            queue.append(job)
            self._jobs[job.id] = job
            self._forget()
            if job.lane not in self._running:
                self._start(job.lane)
        return job

    def get(self, name: str) -> Job | None:
        """The job of an id, if it is remembered."""
        return self._jobs.get(name)

    def cancel(self, job: Job) -> None:
        """Stops a job, now if it waits."""
        job.cancel()
        with self._lock:
            queue = self._waiting.get(job.lane, deque())
            if job in queue:
                queue.remove(job)
                job.end("cancelled")

    def place(self, job: Job) -> int:
        """How many jobs come before this one."""
        with self._lock:
            queue = self._waiting.get(job.lane, deque())
            return queue.index(job) + (job.lane in self._running) if job in queue else 0

    def active(self) -> list[Job]:
        """Those that wait or run."""
        return [job for job in list(self._jobs.values()) if not job.ended.is_set()]

    def busy(self, lane: str) -> bool:
        """Whether a model is at work."""
        return lane in self._running

    def stop(self) -> None:
        """Ends everything; for when the app ends."""
        for job in list(self._jobs.values()):
            self.cancel(job)
        for job in list(self._running.values()):  # Torch mustn't be at work when Python ends.
            job.ended.wait(PATIENCE)

    def _start(self, lane: str) -> None:
        """Begins the next job of a model; called with the lock held."""
        queue = self._waiting[lane]
        if not queue:
            return
        self._running[lane] = job = queue.popleft()
        threading.Thread(target=self._run, args=(job,), name=f"rescene-{lane}", daemon=True).start()

    def _run(self, job: Job) -> None:
        try:
            job.run()
        finally:
            with self._lock:
                del self._running[job.lane]
                self._start(job.lane)

    def _forget(self) -> None:
        ended = [job for job in self._jobs.values() if job.ended.is_set()]
        for job in ended[: max(0, len(self._jobs) - MOST_KEPT)]:
            del self._jobs[job.id]
