"""Carries edited frames through a video and writes the results; shared by the commands that do."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..backbones.stable_video import StableVideo
from ..cache import Unfinished
from ..inputs import Fit
from ..methods.i2vedit import I2VEdit
from ..methods.propagation import KeyFrames
from ..settings import PropagatedSettings, write_result
from ..video import Video
from ..video.watch import watching
from .progress import Reporter


@dataclass(frozen=True, kw_only=True)
class Carrying:
    """What is carried through what."""

    edit: I2VEdit
    video: Video
    """At its own size."""
    fit: Fit
    edits: Sequence[KeyFrames]
    """At the size of work."""
    outputs: Sequence[str]
    overwrite: bool

    def run(
        self,
        settings: Sequence[PropagatedSettings],
        model: StableVideo,
        reporter: Reporter,
        unfinished: Unfinished | None = None,
    ) -> None:
        """Propagates and writes.

        Args:
            settings: What to note in each result.
            model: The model.
            reporter: Reports the steps.
            unfinished: Keeps finished clips, so that a run that is stopped can go on.
        """
        began, source = time.monotonic(), self.fit.apply(self.video)
        results = self.edit.propagate(
            model, source, self.edits, progress=reporter.progress, unfinished=unfinished
        )
        for result, path, made in zip(results, self.outputs, settings, strict=True):
            with watching(self.fit.restore(result), reporter.progress, "Writing") as watched:
                write_result(watched, path, made, overwrite=self.overwrite)
            size = f"{self.video.width}x{self.video.height}"
            print(f"{path}  ({len(self.video)} frames of {size} in {time.monotonic() - began:.0f} s)")


def read_pictures(paths: Mapping[int, Path], video: Video, fit: Fit, *, cover: bool) -> KeyFrames:
    """Edited frames at the size of work, by the frames that they replace; see `read_picture`."""
    return {at: fit.apply(read_picture(path, video, cover)).frames for at, path in paths.items()}


def read_picture(path: Path, video: Video, cover: bool) -> Video:
    """An edited frame as a video of one frame, of the size of `video`.

    Args:
        path: The picture.
        video: What it is a frame of.
        cover: Whether one of another size is scaled and cropped.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it has another size and isn't to be fitted.
    """
    picture = Video.read(path)[:1]
    if (picture.height, picture.width) == (video.height, video.width):
        return picture
    if not cover:
        raise ValueError(
            f"{path} is {picture.width}x{picture.height} and the video {video.width}x{video.height}; edit a "
            "frame of the video's size, or add --fit to scale and crop it"
        )
    return picture.cover(video.height, video.width)
