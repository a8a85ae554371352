"""Runs frames through an FFmpeg filter graph without letting them pile up in it."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import TypeVar

from av import AudioFrame, VideoFrame
from av.error import EOFError
from av.filter import Graph

AnyFrame = TypeVar("AnyFrame", AudioFrame, VideoFrame)


def through(graph: Graph, frames: Iterable[AnyFrame]) -> Iterator[AnyFrame]:
    """What comes out of the graph's one sink as `frames` go into its first source."""
    for frame in chain(frames, [None]):
        # A graph that has had enough refuses more, but may still hold the last of its output.
        with suppress(EOFError):
            graph.push(frame, at=0)
        # A graph works only when it is asked for a frame; until then it would keep all that go in.
        while True:
            try:
                yield graph.pull()  # pyright: ignore[reportReturnType]
            except BlockingIOError:
                break
            except EOFError:
                return
