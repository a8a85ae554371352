"""Which frames TokenFlow edits jointly, and which of them every other frame follows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp

import torch

from . import Blend
from .propagation import Shares

CONTEXT = 3
"""Pivots that a group takes from others: the clip's first, the one before and the one after."""


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

    def shares(self, frame: int, pivots: Sequence[int], blend: Blend = "published") -> Shares:
        """The segments whose pivots a frame copies from, each with its weight.

        Args:
            frame: The frame.
            pivots: The frame that is the pivot of each segment.
            blend: `published`: its own segment's and the one before. `between`: those before and after it.
        """
        return self._between(frame, pivots) if blend == "between" else self._published(frame)

    def _published(self, frame: int) -> Shares:
        """The distances are those to the middles of the segments, wherever their pivots are."""
        segment, place = divmod(frame, self.interval)
        if segment == 0:
            return [(0, 1.0)]
        own = abs(place - len(self[segment]) // 2)
        before = place + self.interval - self.interval // 2
        weight = 1 / (1 + exp(-before / (own + before)))
        return [(segment, weight), (segment - 1, 1 - weight)]

    def _between(self, frame: int, pivots: Sequence[int]) -> Shares:
        """Pivots count the more the nearer they are; a pivot copies itself alone."""
        own = frame // self.interval
        after = own if pivots[own] >= frame else own + 1
        if after == len(self) or after == 0:
            return [(min(after, len(self) - 1), 1.0)]
        weight = (frame - pivots[after - 1]) / (pivots[after] - pivots[after - 1])
        return [(after, weight), (after - 1, 1 - weight)] if weight < 1 else [(after, 1.0)]

    def groups(self, most: int) -> Iterator[tuple[range, list[int]]]:
        """Yields runs of segments whose pivots are edited together, and other segments that take part.

        There is one run if `most` pivots are enough. Otherwise each run is joined by the clip's first
        segment, which keeps all runs alike, and by those before and after it, which its frames may copy from.
        """
        count = len(self)
        starts = [0] if count <= most else [0, *range(most - 1, count, most - CONTEXT)]
        for start, stop in pairwise([*starts, count]):
            before = [0, start - 1] if start else []
            yield range(start, stop), before + ([stop] if stop < count else [])
