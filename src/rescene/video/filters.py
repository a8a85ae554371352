"""Runs frames through FFmpeg's filter graphs without letting them pile up in them."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain, groupby
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


def deinterlaced(frames: Iterable[tuple[int, VideoFrame]]) -> Iterator[tuple[int, VideoFrame]]:
    """Frames and their times, made whole out of fields by bwdif, which looks at those before and after."""
    for _, alike in groupby(frames, key=lambda each: (each[1].width, each[1].height, each[1].format.name)):
        first = next(alike)
        graph = Graph()
        graph.link_nodes(
            graph.add_buffer(
                width=first[1].width, height=first[1].height, format=first[1].format, time_base=Fraction(1)
            ),
            graph.add("bwdif", "mode=send_frame:deint=interlaced"),
            graph.add("buffersink"),
        ).configure()
        for frame in through(graph, map(_timed, chain([first], alike))):
            yield (frame.pts or 0) // 2, frame  # The filter counts fields.


def _timed(stamped: tuple[int, VideoFrame]) -> VideoFrame:
    time, frame = stamped
    frame.pts, frame.time_base = time, Fraction(1)
    return frame
