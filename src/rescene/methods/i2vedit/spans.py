"""A video in clips that overlap, so that each can begin where the one before it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Span:
    """Frames that are edited together."""

    frames: range
    fresh: int
    """The first frame that no earlier span has made; those before it only lead over."""

    @property
    def overlap(self) -> int:
        """How many of its frames an earlier span has made."""
        return self.fresh - self.frames.start


@dataclass(frozen=True)
class Segment:
    """The spans that one key frame leads: the first begins with it, each other one with the edit so far."""

    spans: tuple[Span, ...]

    @property
    def start(self) -> int:
        """The key frame's number."""
        return self.spans[0].frames.start


def segments(count: int, length: int, key_frames: Sequence[int] = (0,)) -> list[Segment]:
    """Cuts a video into spans of `length` frames that share one frame with the next.

    A last span that would be short reaches further back instead: the models make poor clips of few frames.

    Args:
        count: Frames of the video.
        length: Frames of a span, at least 2.
        key_frames: Numbers of the key frames, from 0 on.

    Raises:
        ValueError: If a key frame isn't in the video, or there are fewer than two frames to a key frame.
    """
    if length < 2:
        raise ValueError(f"clip_length is {length}; it must be at least 2, the model's own is best")
    if not key_frames or key_frames[0] != 0:
        raise ValueError("the first key frame must be the video's first frame")
    if key_frames[-1] >= count:
        raise ValueError(f"there is no frame {key_frames[-1]} for a key frame: the video has {count} frames")
    found: list[Segment] = []
    for start, stop in pairwise([*key_frames, count]):
        if stop - start < 2:
            what = f"the key frame at {start} leads" if len(key_frames) > 1 else "the video has"
            raise ValueError(
                f"{what} {max(stop - start, 0)} frame(s): each key frame begins a clip, and a clip "
                "needs 2 or more"
            )
        found.append(Segment(_spans(range(start, stop), length)))
    return found


def _spans(frames: range, length: int) -> tuple[Span, ...]:
    spans = [Span(frames[:length], frames.start)]
    while (fresh := spans[-1].frames.stop) < frames.stop:
        stop = min(fresh + length - 1, frames.stop)
        spans.append(Span(range(stop - length, stop), fresh))
    return tuple(spans)
