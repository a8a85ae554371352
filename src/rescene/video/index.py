"""Where a file's frames are in time: one pass over its packets, nothing is decoded."""

import logging
from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from av import VideoStream
from av.container import InputContainer

from .media import MOST_FRAMES, MOST_SECONDS, TooLargeError, audio_stream, demux, open_media, video_stream

log = logging.getLogger(__name__)

_BACKWARDS = Fraction(1, 5)
"""Seconds by which a damaged file's decoding times may go back without beginning again."""


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
    """The file has no display times: `times` are those of the frames in the order in which they come."""
    zero: Fraction
    """When the first frame is shown, in seconds of the file's own clock, which its sound shares."""
    has_audio: bool

    def key_before(self, time: int) -> int:
        """The latest place at or before `time` where decoding can begin."""
        return self.keys[max(bisect_right(self.keys, time) - 1, 0)]


def index(path: Path) -> Index:
    """Indexes the video stream of a file.

    Raises:
        ValueError: if it has none, or one without frames, or more than the limits.
    """
    with open_media(path) as container:
        stream = video_stream(container)
        if stream.frames > MOST_FRAMES:
            raise _too_long(path)
        stamps = _stamps(path, container, stream)
        shown = [stamp for stamp in stamps if not stamp.is_hidden]
        if not shown:
            raise ValueError(f"{path} has a video stream without frames; check that it plays")
        # AVI stores no display times, only decoding order.
        timed = container.format.name != "avi" and all(stamp.pts is not None for stamp in shown)
        if timed:
            _check_times(path, stamps, stream.time_base or Fraction(1, 1000))
        found = (_timed if timed else _counted)(shown, stream, has_audio=_has_audio(path, container))
        if (found.times[-1] - found.times[0] + found.duration) * found.tick > MOST_SECONDS:
            raise _too_long(path)
        there = max(len(stamps), found.times[-1] + 1 if found.ordinal else 0)
        if there < stream.frames:
            log.warning("%s ends early: %d of %d frames are there", path, there, stream.frames)
        return found


class _Stamp(NamedTuple):
    pts: int | None
    dts: int | None
    duration: int
    is_key: bool
    is_hidden: bool
    """Only others need it, as before the cut of an edit list."""


def _stamps(path: Path, container: InputContainer, stream: VideoStream) -> list[_Stamp]:
    stamps: list[_Stamp] = []
    for packet in demux(container, stream):
        if packet.size:
            hidden, key = packet.is_discard, packet.is_keyframe
            stamps.append(_Stamp(packet.pts, packet.dts, max(packet.duration or 0, 0), key, hidden))
            if len(stamps) > MOST_FRAMES:
                raise _too_long(path)
    return stamps


def _check_times(path: Path, stamps: list[_Stamp], tick: Fraction) -> None:
    """Refuses files whose time begins again, and tells of frames that are shown at one moment.

    Raises:
        ValueError: If frames would replace each other.
    """
    shown = [stamp.pts for stamp in stamps if not stamp.is_hidden]
    shared = len(shown) - len(set(shown))
    decoded = [stamp.dts for stamp in stamps if stamp.dts is not None]
    for number, (before, after) in enumerate(pairwise(decoded), start=1):
        if after < before and (shared or (before - after) * tick > _BACKWARDS):
            raise ValueError(
                f"{path}: its time begins again after {number} frames, as where files were joined byte by "
                "byte; join them with a video editor, or cut it there"
            )
    if shared:
        log.warning("%s has %d frames at the moment of another; one of each is left out", path, shared)


def _timed(stamps: list[_Stamp], stream: VideoStream, *, has_audio: bool) -> Index:
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


def _counted(stamps: list[_Stamp], stream: VideoStream, *, has_audio: bool) -> Index:
    """By the order of frames; in an AVI, numbers that are missing are of frames shown for longer."""
    numbers = [stamp.dts for stamp in stamps if stamp.dts is not None]
    first = min(numbers, default=0)
    rate, base = stream.average_rate or Fraction(25), stream.time_base or Fraction(0)
    whole = len(set(numbers)) == len(stamps) and base * rate == 1
    return Index(
        times=sorted(number - first for number in numbers) if whole else list(range(len(stamps))),
        keys=[0],
        duration=1,
        tick=1 / rate,
        declared=stream.average_rate,
        ordinal=True,
        zero=first * base,
        has_audio=has_audio,
    )


def _has_audio(path: Path, container: InputContainer) -> bool:
    found = audio_stream(container)
    if found is None and container.streams.audio:
        log.warning("%s has sound of a codec that can't be decoded; it is left out", path)
    return found is not None


def _too_long(path: Path) -> TooLargeError:
    return TooLargeError(
        f"{path} says that it has more than {MOST_FRAMES} frames or {MOST_SECONDS // 86400} days; cut it"
    )
