"""The benchmark as the host of runs: what each takes is measured, from a cold cache to frames in memory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory

from ..runs.local import LocalHost
from ..runs.run import Prepared
from ..video import Video
from ..video.clip import in_memory
from .meter import Meter


@dataclass(eq=False, kw_only=True)
class BenchHost(LocalHost):
    """Measures the run at work; earlier results are replaced."""

    overwrite: bool = True
    meter: Meter | None = None
    """What the last run took."""

    @contextmanager
    def computing(self) -> Iterator[None]:
        with _cold_cache(), Meter() as self.meter:
            yield

    def finished(self, work: Prepared, edited: Video) -> Video:
        """The result in memory: it is measured as it is, before a file changes it."""
        restored = super().finished(work, edited)
        return replace(restored, clip=in_memory(restored.clip))


@contextmanager
def _cold_cache() -> Iterator[None]:
    """A block without earlier inversions, so that every edit is timed alike."""
    before = os.environ.get("RESCENE_CACHE")
    with TemporaryDirectory(prefix="rescene-") as folder:
        os.environ["RESCENE_CACHE"] = folder
        try:
            yield
        finally:
            del os.environ["RESCENE_CACHE"]
            if before is not None:
                os.environ["RESCENE_CACHE"] = before
