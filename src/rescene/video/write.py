"""Writes videos: chooses the format by the name, and puts the result in its place."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import torch
from av.error import FFmpegError

from .clip import TensorClip
from .encode import FORMATS, encode, pixels
from .files import check_room, check_target, rehearsal_name, remove, replacing
from .folders import write_images
from .gif import write_gif
from .hdr import as_sdr
from .label import Labelled
from .metadata import Metadata
from .video import Video

_LEAST_IMAGES = 0.01
"""The least share of the raw pixels' size that a GIF or PNGs can be expected to take."""
_REHEARSED = Fraction(1)
"""Seconds of sound that are tried before computing."""


def write_video(video: Video, path: str, *, overwrite: bool, label: str | None, metadata: Metadata) -> None:
    """Writes a video in the format that `path` names; see `Video.write`."""
    target, folder = destination(path, overwrite=overwrite)
    room = _room(video, target, folder=folder)
    with (
        replacing(target, folder=folder, room=room, new=not overwrite) as temporary,
        _refusals_named(path),
    ):
        _write(video, temporary, folder=folder, label=label, metadata=metadata)


def rehearse(video: Video, path: str, *, overwrite: bool, label: str | None, metadata: Metadata) -> None:
    """Writes two grey frames and some of the sound as `write_video` would, and removes them.

    Whatever a codec, a disk or the sound have against a result shows here, before it is computed.

    Raises:
        ValueError, OSError: As `write_video`.
    """
    target, folder = destination(path, overwrite=overwrite)
    check_room(target, _room(video, target, folder=folder))
    grey = torch.full((min(2, len(video)), 3, video.height, video.width), 128, dtype=torch.uint8)
    sound = video.audio and video.audio.cut(Fraction(0), max(_REHEARSED, 2 / video.fps))
    place = rehearsal_name(target)
    try:
        if folder:
            place.mkdir()
        with _refusals_named(path):
            trial = replace(video, clip=TensorClip(grey), audio=sound)
            _write(trial, place, folder=folder, label=label, metadata=metadata)
    finally:
        remove(place)


def _write(video: Video, place: Path, *, folder: bool, label: str | None, metadata: Metadata) -> None:
    if folder or place.suffix.lower() == ".gif":
        video = as_sdr(video, why="as PNG and GIF carry no such tag")
    if label is not None:
        video = replace(video, clip=Labelled(video.clip, label))
    if folder:
        write_images(place, pixels(video), video.fps, metadata)
    elif place.suffix.lower() == ".gif":
        write_gif(video, place, metadata)
    else:
        encode(video, place, FORMATS[place.suffix.lower()], metadata)


def _room(video: Video, target: Path, *, folder: bool) -> int:
    """Bytes that the result takes at least."""
    suffix = target.suffix.lower()
    least = FORMATS[suffix].least if suffix in FORMATS and not folder else _LEAST_IMAGES
    return int(least * len(video) * 3 * video.height * video.width) + (1 << 20)


@contextmanager
def _refusals_named(path: str) -> Iterator[None]:
    """A block in which what FFmpeg has against a result is told as such."""
    try:
        yield
    except FFmpegError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise ValueError(
            f"{path} can't be written in this format ({error.strerror}); choose another suffix, such as .mkv"
        ) from error


def destination(path: str, *, overwrite: bool) -> tuple[Path, bool]:
    """Where a video named `path` is to be written, and whether that is a folder of PNGs.

    Raises:
        ValueError: if the suffix is unknown.
        FileExistsError: if there is something already that may not be replaced.
    """
    if not path.strip():
        raise ValueError("the result has no name; give one such as out.mp4")
    target, suffix = Path(path), Path(path).suffix.lower()
    folder = path.endswith(("/", os.sep)) or (not suffix and not target.is_file())
    if not folder and suffix not in {*FORMATS, ".gif"}:
        raise ValueError(
            f"{path} has a suffix that cannot be written; use one of {', '.join(FORMATS)} or .gif, "
            "or end it with a slash for a folder of PNGs"
        )
    check_target(target, folder=folder, overwrite=overwrite)
    return target, folder
