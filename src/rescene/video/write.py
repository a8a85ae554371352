"""Writes videos: chooses the format by the name, and puts the result in its place."""

import os
from dataclasses import replace
from pathlib import Path

from .encode import FORMATS, encode, pixels
from .files import check_target, replacing
from .folders import write_images
from .gif import write_gif
from .label import Labelled
from .metadata import Metadata
from .video import Video

_LEAST_IMAGES = 0.01
"""The least share of the raw pixels' size that a GIF or PNGs can be expected to take."""


def write_video(video: Video, path: str, *, overwrite: bool, label: str | None, metadata: Metadata) -> None:
    """Writes a video in the format that `path` names; see `Video.write`."""
    target, folder = destination(path, overwrite=overwrite)
    suffix = target.suffix.lower()
    if label is not None:
        video = replace(video, clip=Labelled(video.clip, label))
    least = FORMATS[suffix].least if suffix in FORMATS and not folder else _LEAST_IMAGES
    room = int(least * len(video) * 3 * video.height * video.width) + (1 << 20)
    with replacing(target, folder=folder, room=room) as temporary:
        if folder:
            write_images(temporary, pixels(video), video.fps, metadata)
        elif suffix == ".gif":
            write_gif(video, temporary, metadata)
        else:
            encode(video, temporary, FORMATS[suffix], metadata)


def destination(path: str, *, overwrite: bool) -> tuple[Path, bool]:
    """Where a video named `path` is to be written, and whether that is a folder of PNGs.

    Raises:
        ValueError: if the suffix is unknown.
        FileExistsError: if there is something already that may not be replaced.
    """
    target, suffix = Path(path), Path(path).suffix.lower()
    folder = path.endswith(("/", os.sep)) or (not suffix and not target.is_file())
    if not folder and suffix not in {*FORMATS, ".gif"}:
        raise ValueError(
            f"{path} has a suffix that cannot be written; use one of {', '.join(FORMATS)} or .gif, "
            "or end it with a slash for a folder of PNGs"
        )
    check_target(target, folder=folder, overwrite=overwrite)
    return target, folder
