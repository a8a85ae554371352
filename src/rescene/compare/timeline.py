"""One timeline for several videos, so that one scrubber can move them all."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from ..metrics.align import shown
from ..video import Video
from ..video.clip import Picked


def in_step(videos: Sequence[Video]) -> list[Video]:
    """The videos at the slowest one's rate and the shortest one's duration, without sound.

    Frames meet that are shown at the same time; videos that agree already are left as they are.
    """
    rate = min(video.fps for video in videos)
    count = max(1, int(min(video.duration for video in videos) * rate))
    return [_shown(video, rate, count) for video in videos]


def _shown(video: Video, rate: Fraction, count: int) -> Video:
    if (video.fps, len(video)) == (rate, count):
        return replace(video, audio=None)
    return replace(video, clip=Picked(video.clip, shown(video, rate, count)), fps=rate, audio=None)
