"""Where a file's frames are in time: one pass over its packets, nothing is decoded."""

import logging
from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from av import VideoStream
from av.container import InputContainer
from av.stream import Disposition

from .media import demux, open_media

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Index:
    """The frames of a file, by display time in ticks."""

    times: list[int]
    keys: list[int]
    """The times at which decoding can begin, ascending; the first frame always is one."""
    duration: int
    """How long the last frame is shown; 0 if unknown."""
    tick: Fraction
    declared: Fraction | None
    """The frame rate which the file claims."""
    ordinal: bool
    """The file has no display times: `times` count frames instead, from 0."""
    zero: Fraction
    """When the first frame is shown, in seconds of the file's own clock, which its sound shares."""
    has_audio: bool

    def key_before(self, time: int) -> int:
        """The latest place at or before `time` where decoding can begin."""
        return self.keys[max(bisect_right(self.keys, time) - 1, 0)]


def index(path: Path) -> Index:
    """Indexes the video stream of a file.

    Raises:
        ValueError: if it has none, or one without frames.
    """
    with open_media(path) as container:
        stream = video_stream(container)
        stamps = [
            _Stamp(packet.pts, packet.dts, packet.duration or 0, packet.is_keyframe)
            for packet in demux(container, stream)
            if packet.size and not packet.is_discard
        ]
        if not stamps:
            raise ValueError(f"{path} has a video stream without frames; check that it plays")
        if len(stamps) < stream.frames:
            log.warning("%s ends early: %d of %d frames are there", path, len(stamps), stream.frames)
        # AVI stores no display times, only decoding order.
        timed = container.format.name != "avi" and all(stamp.pts is not None for stamp in stamps)
        made = _timed if timed else _counted
        return made(stamps, stream, has_audio=bool(container.streams.audio))


def _timed(stamps: list["_Stamp"], stream: VideoStream, *, has_audio: bool) -> Index:
    durations = {stamp.pts: stamp.duration for stamp in stamps if stamp.pts is not None}
    times = sorted(durations)
    keys = {times[0], *(stamp.pts for stamp in stamps if stamp.is_key and stamp.pts is not None)}
    tick = stream.time_base or Fraction(1, 1000)
    return Index(
        times=times,
        keys=sorted(keys),
        duration=durations[times[-1]],
        tick=tick,
        declared=stream.average_rate,
        ordinal=False,
        zero=times[0] * tick,
        has_audio=has_audio,
    )


def _counted(stamps: list["_Stamp"], stream: VideoStream, *, has_audio: bool) -> Index:
    first = min((stamp.dts for stamp in stamps if stamp.dts is not None), default=0)
    return Index(
        times=list(range(len(stamps))),
        keys=[0],
        duration=1,
        tick=1 / (stream.average_rate or Fraction(25)),
        declared=stream.average_rate,
        ordinal=True,
        zero=first * (stream.time_base or Fraction(0)),
        has_audio=has_audio,
    )


class _Stamp(NamedTuple):
    pts: int | None
    dts: int | None
    duration: int
    is_key: bool


def video_stream(container: InputContainer) -> VideoStream:
    """The first video stream that isn't a cover picture."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise ValueError(f"{container.name} has no video stream; give a file with pictures in it")
