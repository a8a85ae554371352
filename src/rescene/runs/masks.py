"""Makes the mask that a recipe names."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from huggingface_hub import try_to_load_from_cache

from ..backbones import best_device
from ..inputs.masks import Mask
from ..masks.difference import changed
from ..masks.shaping import Shape, clear, put_together
from ..masks.tracking import ByFlow, Tracker, tracked
from ..progress import Progress, quiet
from ..typing import Frames
from ..video import Video
from ..video.read import Cut, read_video
from .refs import MaskRef

OPENCV = "opencv"
"""The tracker that needs no weights."""
SAM2 = "facebook/sam2.1-hiera-tiny"
"""The one that is used if none is named and its weights are in the local cache."""


def mask_of(ref: MaskRef, cut: Cut, video: Video, progress: Progress = quiet) -> Mask:
    """A mask for each frame of a source.

    Args:
        ref: The mask.
        cut: The frames of the source that are used.
        video: Those frames.
        progress: Reports the frames to which marks are carried.

    Raises:
        FileNotFoundError: If one of its files isn't there.
        ValueError: If one doesn't belong to the video, or nothing is left of the mask.
    """
    joined, minus = (
        [file_mask(Path(file.path), cut, video) for file in files] for files in (ref.files, ref.minus)
    )
    if ref.marks.all:
        joined.append(tracked(video, ref.marks, tracker_of(ref), progress))
    shape = Shape(invert=ref.invert, grow=ref.grow, feather=ref.feather)
    mask = put_together(joined, minus, shape, like=video)
    # What is marked is never empty, and finding it takes its time.
    if not ref.marks.all and mask.is_empty:
        raise ValueError(
            "the mask is empty: nothing in it is white in any frame, so nothing may change; give another, or "
            "turn it around with --mask-invert"
        )
    return mask


def tracker_of(ref: MaskRef) -> Tracker:
    """What carries marks; its weights, if it has any, are read when it begins."""
    if ref.tracker in (None, OPENCV):
        return ByFlow()
    from ..masks.sam2 import BySam2  # It needs transformers' networks.

    return BySam2(str(ref.tracker), str(best_device()))


def with_difference(ref: MaskRef, video: Video, edited: Mapping[int, Frames]) -> MaskRef:
    """The same mask with what edited frames changed among its marks, if it asks for that.

    Raises:
        ValueError: If there are no edited frames, or one changes nothing.
    """
    if not ref.difference:
        return ref
    if not edited:
        raise ValueError("--mask auto masks what an edited frame changed; it is for `rescene propagate`")
    within = {at: frame for at, frame in edited.items() if at < len(video)}  # Others are told elsewhere.
    outlines = (*ref.marks.polygons, *changed(video, within))
    return replace(ref, marks=replace(ref.marks, polygons=outlines))


def with_tracker(ref: MaskRef) -> MaskRef:
    """The same mask, with the tracker named: SAM 2 where its weights are there, else OpenCV."""
    if ref.tracker is not None or not (ref.marks.all or ref.difference):
        return ref
    there = isinstance(try_to_load_from_cache(SAM2, "model.safetensors"), str)
    return replace(ref, tracker=SAM2 if there else OPENCV)


def file_mask(path: Path, cut: Cut, video: Video) -> Video:
    """A mask's file at the size of the video: one picture for all frames, or one for each of the clip's.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it has another shape or another number of frames.
    """
    mask = read_video(path, Cut(), opacity=True)
    count = len(mask)
    if count == 1:
        mask = mask.lengthen(len(video))
    elif count > len(video):
        # A mask of the whole clip is cut like the clip, whose rate it has, whatever its own file says.
        with suppress(ValueError):  # Then it isn't such a mask, which is told below.
            used = cut.slice(video.fps * cut.every, count)
            mask = mask[used]
    if len(mask) != len(video):
        raise ValueError(
            f"the mask {path} has {count} frames and the video {len(video)}; give one picture, or a mask of "
            "as many frames"
        )
    if abs(mask.height * video.width - video.height * mask.width) > max(video.width, video.height):
        raise ValueError(
            f"the mask {path} is {mask.width}x{mask.height}, of another shape than the video's "
            f"{video.width}x{video.height}; crop it"
        )
    return clear(mask.resize(video.height, video.width))
