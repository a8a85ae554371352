"""A clip that tells how far its reading is: decoding and encoding are slow, and happen there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ..typing import Frames, Progress
from .clip import Clip
from .video import Video


@contextmanager
def watching(video: Video, progress: Progress, description: str) -> Iterator[Video]:
    """The same video, whose reading moves a bar."""
    ticks = iter(progress(range(len(video)), description=description, total=len(video)))
    yield replace(video, clip=Watched(video.clip, ticks))
    for _ in ticks:
        pass


@dataclass(frozen=True, eq=False)
class Watched:
    """A clip that reports each frame that is read."""

    clip: Clip
    ticks: Iterator[int]

    @property
    def height(self) -> int:
        return self.clip.height

    @property
    def width(self) -> int:
        return self.clip.width

    def __len__(self) -> int:
        return len(self.clip)

    def read(self, start: int, stop: int) -> Frames:
        frames = self.clip.read(start, stop)
        for _ in range(start, stop):
            next(self.ticks, None)
        return frames
