"""When frames are shown: a constant rate out of any timestamps, and frame numbers out of times."""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from statistics import median

import numpy as np

Position = int | float | Fraction | str
"""A place in a video. An `int` or a text of digits is a frame number; anything else is a time:
a `float` or `Fraction` in seconds, or a text such as "1.5", "2s", "1:02.5" or "00:01:02.5"."""

_FAR = 1 << 53
"""No video is as long, and it keeps arithmetic exact."""
_SHORT = Fraction(1, 25)
"""Seconds; a single frame that is shown for less has no rate to go by."""
_OFF = 0.1
"""How far, in frames, a moment may be from that of a constant rate."""
_HELD = 0.2
"""The share of frames that may be shown for longer at a rate that is called constant."""
_MOST_REPEATED = 4
"""How many times as many frames a constant rate may make; an edit computes each."""
_TIME = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?|\.\d+)s?")


def frame_number(position: Position, fps: Fraction) -> int:
    """The frame that begins nearest to `position`.

    Raises:
        ValueError: if it is negative or not a position.
    """
    if isinstance(position, str):
        position = _parse(position)
    if not position < _FAR:
        raise ValueError(f"{str(position)[:40]} is no position in a video; give a frame number or a time")
    if position < 0:
        raise ValueError(f"a position in a video cannot be negative, but {position} is; count from 0")
    return position if isinstance(position, int) else round(Fraction(position) * fps)


def _parse(text: str) -> int | Fraction:
    if text.isdecimal():
        return int(text)
    if not (match := _TIME.fullmatch(text)):
        raise ValueError(
            f"{text!r} is no position in a video; give a frame number (48) or a time (2s, 1.5, 00:01:02.5)"
        )
    hours, minutes, seconds = (Fraction(part or 0) for part in match.groups())
    return 3600 * hours + 60 * minutes + seconds


def constant_rate(
    times: Sequence[int], duration: int, tick: Fraction, declared: Fraction | None
) -> tuple[Fraction, list[int]]:
    """A rate for frames shown at `times`, and the time to show for each frame at that rate.

    The result lasts as long as the original, so that sound stays in step. Where frames come at a constant
    rate, but for some that are shown for longer, it is that rate, and those are repeated. Otherwise it is
    the average: frames are repeated or left out, whichever is nearest in time.

    Args:
        times: ascending, in ticks.
        duration: how long the last frame is shown, in ticks; 0 if unknown.
        tick: seconds.
        declared: the rate which the file claims; believed if it is less than half a frame out at the end.
    """
    period = duration or median([later - earlier for earlier, later in pairwise(times)] or [0])
    span = (times[-1] - times[0] + Fraction(period)) * tick
    for regular in _regular_rates(times, tick, declared):
        if (found := _repeated(times, span, tick, regular)) is not None:
            return regular, found
    fps = _rate(len(times), span, tick, declared)
    wanted = times[0] + np.arange(max(1, round(span * fps))) / float(fps * tick)
    middles = (np.array(times[1:]) + np.array(times[:-1])) / 2
    return fps, [times[number] for number in np.searchsorted(middles, wanted)]


def _regular_rates(times: Sequence[int], tick: Fraction, declared: Fraction | None) -> Iterator[Fraction]:
    """Rates at which frames may come: that which the file claims, and that of most of them."""
    if declared:
        yield declared
    if gap := median([later - earlier for earlier, later in pairwise(times)] or [0]):
        yield 1 / (Fraction(gap) * tick)


def _repeated(times: Sequence[int], span: Fraction, tick: Fraction, fps: Fraction) -> list[int] | None:
    """The time to show for each frame at a rate; None if frames don't come at it, or mostly stand still."""
    total = round(span * fps)
    if not len(times) <= total <= _MOST_REPEATED * len(times):
        return None
    step = float(tick * fps)
    exact = (np.array(times) - times[0]) * step
    places = exact.round().astype(int)
    gaps = np.diff(places)
    is_off = np.abs(exact - places).max() > max(_OFF, step / 2) or places[-1] >= total or (gaps < 1).any()
    if is_off or (gaps > 1).sum() > _HELD * len(gaps):
        return None
    return [time for time, count in zip(times, np.diff([*places, total]), strict=True) for _ in range(count)]


def _rate(count: int, span: Fraction, tick: Fraction, declared: Fraction | None) -> Fraction:
    if declared and (not span or round(span * declared) == count):
        return declared
    if span <= min(tick, _SHORT):
        return Fraction(25)
    # The simplest rate that the rounding of timestamps to whole ticks leaves open.
    for denominator in (1, 2, 10, 100, 1001):
        rate = (count / span).limit_denominator(denominator)
        if count / (span + tick) <= rate <= count / (span - tick):
            return rate
    return (count / span).limit_denominator(1_000_000)
