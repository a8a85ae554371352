"""Brings a source and a result into line: the same moments, the same size, one frame each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from ..video import Video
from ..video.clip import Picked

SHAPES_DIFFER = 0.02
"""Aspect ratios that differ by more than this share are taken for a mistake."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Aligned:
    """Videos that can be compared frame by frame."""

    source: Video
    result: Video
    mask: Video | None
    notes: tuple[str, ...]
    """What had to be done, for people to read."""


def align(source: Video, result: Video, mask: Video | None) -> Aligned:
    """Pairs frames by the time at which they are shown, and scales the source to the result's size.

    At different rates the slower one's moments are compared, so that no frame is used twice; of different
    durations, the part that both have.

    Raises:
        ValueError: if the shapes differ, or the mask belongs to neither video.
    """
    _check_shapes(source, result, "result")
    size, notes = (result.height, result.width), list[str]()
    if (source.height, source.width) != size:
        notes.append(
            f"the source is {source.width}x{source.height} and was scaled to the result's {size[1]}x{size[0]}"
        )
    of_source, of_result = _moments(source, result, notes)
    rate = min(source.fps, result.fps)
    if mask is not None:
        _check_shapes(source, mask, "mask")
        mask = _picked(mask, _moments_of_mask(mask, source, of_source, of_result, len(result)), rate).resize(
            *size
        )
    return Aligned(
        source=_picked(source, of_source, rate).resize(*size),
        result=_picked(result, of_result, rate),
        mask=mask,
        notes=tuple(notes),
    )


def shown(video: Video, rate: Fraction, count: int) -> list[int]:
    """The frames shown in the middle of each of `count` moments at a rate."""
    return [min(int((number + Fraction(1, 2)) / rate * video.fps), len(video) - 1) for number in range(count)]


def _moments(source: Video, result: Video, notes: list[str]) -> tuple[Sequence[int], Sequence[int]]:
    """The frames of both that are to be compared."""
    if source.fps == result.fps:
        count = min(len(source), len(result))
        if len(source) != len(result):
            notes.append(
                f"the source has {len(source)} frames and the result {len(result)}: "
                f"the first {count} were compared"
            )
        return range(count), range(count)
    rate = min(source.fps, result.fps)
    count = max(1, int(min(source.duration, result.duration) * rate))
    notes.append(
        f"the source has {float(source.fps):g} fps and the result {float(result.fps):g}: "
        f"{count} moments were compared at {float(rate):g} fps, by the frames shown then"
    )
    return shown(source, rate, count), shown(result, rate, count)


def _moments_of_mask(
    mask: Video, source: Video, of_source: Sequence[int], of_result: Sequence[int], results: int
) -> Sequence[int]:
    if len(mask) == 1:
        return [0] * len(of_source)
    if len(mask) == len(source):
        return of_source
    if len(mask) == results:
        return of_result
    raise ValueError(
        f"the mask has {len(mask)} frames, the source {len(source)} and the result {results}; "
        "give one picture, or a mask for each frame of the source"
    )


def _check_shapes(source: Video, other: Video, name: str) -> None:
    ratio = (source.width / source.height) / (other.width / other.height)
    if abs(ratio - 1) > SHAPES_DIFFER:
        raise ValueError(
            f"the source is {source.width}x{source.height} and the {name} {other.width}x{other.height}: "
            "their shapes differ, so pixels can't be compared; crop one of them"
        )


def _picked(video: Video, frames: Sequence[int], fps: Fraction) -> Video:
    if frames == range(len(video)) and fps == video.fps:
        return video
    return replace(video, clip=Picked(video.clip, frames), fps=fps, audio=None)
