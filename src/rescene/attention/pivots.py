"""Which frames TokenFlow edits jointly, and which of them every other frame follows."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import exp

import torch

from .propagation import Shares


@dataclass(frozen=True)
class Segments:
    """A clip in segments of equal length, the last one as short as need be. Each has one pivot."""

    frames: int
    interval: int

    def __len__(self) -> int:
        return -(-self.frames // self.interval)

    def __getitem__(self, segment: int) -> range:
        """The frames of one segment."""
        start = segment * self.interval
        return range(start, min(start + self.interval, self.frames))

    def draw(self, generator: torch.Generator) -> list[int]:
        """A random frame of each segment; drawn anew at every step, so that none is always the one copied."""
        parts = (self[segment] for segment in range(len(self)))
        return [part[int(torch.randint(len(part), (), generator=generator))] for part in parts]

    def shares(self, frame: int) -> Shares:
        """The segments whose pivots a frame copies from, each with its weight: its own and the one before.

        As published, the distances are those to the middles of the segments, wherever their pivots are.
        """
        segment, place = divmod(frame, self.interval)
        if segment == 0:
            return [(0, 1.0)]
        own = abs(place - len(self[segment]) // 2)
        before = place + self.interval - self.interval // 2
        weight = 1 / (1 + exp(-before / (own + before)))
        return [(segment, weight), (segment - 1, 1 - weight)]

    def windows(self, most: int) -> Iterator[tuple[range, list[int]]]:
        """Yields runs of segments whose pivots are edited together, and the earlier ones that take part.

        There is one run if `most` pivots are enough. Otherwise each later run is joined by the first segment,
        which keeps all runs alike, and by the one before it, which its first frames copy from.
        """
        count = len(self)
        starts = [0, *range(most, count, most - 2)]
        for start, stop in pairwise([*starts, count]):
            yield range(start, stop), [0, start - 1] if start else []
