"""A clip that tells how far its reading is: decoding and encoding are slow, and happen there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ..progress import Progress
from ..typing import Frames
from .clip import Wrapped
from .video import Video


@contextmanager
def watching(video: Video, progress: Progress, description: str) -> Iterator[Video]:
    """The same video, whose reading moves a bar."""
    ticks = iter(progress(range(len(video)), description=description, total=len(video)))
    yield replace(video, clip=Watched(video.clip, ticks))
    for _ in ticks:
        pass


@dataclass(frozen=True, eq=False)
class Watched(Wrapped):
    """A clip that reports each frame that is read."""

    ticks: Iterator[int]

    def read(self, start: int, stop: int) -> Frames:
        frames = self.clip.read(start, stop)
        for _ in range(start, stop):
            next(self.ticks, None)
        return frames
