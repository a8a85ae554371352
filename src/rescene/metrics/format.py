"""Format: the source's rate, length and size, kept or not."""

from typing import ClassVar

from ..video import Video
from .comparison import Comparison, Transition
from .metric import About, Score


class SameFormat:
    """Equality of frame rate, duration, number of frames and size, each yes or no.

    Formula: 1 if equal, else 0; durations may differ by half a frame.
    Range: 0 or 1; higher is better.
    Source: a container's numbers, before anything is brought into line for the other metrics.
    """

    about: ClassVar[About] = About(
        name="same_format", title="Same format", group="format", better="higher", unit="yes or no"
    )

    def __init__(self, comparison: Comparison) -> None:
        self._source, self._result = comparison.given

    def update(self, move: Transition) -> None:
        """Frames don't matter."""

    def scores(self) -> list[Score]:
        source, result = self._source, self._result
        half = 1 / (2 * max(source.fps, result.fps))
        equal = {
            "frame rate": source.fps == result.fps,
            "duration": abs(source.duration - result.duration) <= half,
            "frames": len(source) == len(result),
            "size": (source.height, source.width) == (result.height, result.width),
        }
        was, became = _format(source), _format(result)
        return [
            Score(
                about=self.about,
                value=float(value),
                part=part,
                how=f"source {was[part]}, result {became[part]}",
            )
            for part, value in equal.items()
        ]


def _format(video: Video) -> dict[str, str]:
    return {
        "frame rate": f"{float(video.fps):g} fps",
        "duration": f"{float(video.duration):.2f} s",
        "frames": str(len(video)),
        "size": f"{video.width}x{video.height}",
    }
