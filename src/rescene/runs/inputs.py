"""Opens the files of a recipe, and chooses the size and length to work at."""

from pathlib import Path

from ..backbones import Backbone
from ..inputs import Fit, Inputs
from ..progress import Progress, quiet
from ..video import Video
from ..video.hdr import as_sdr
from ..video.read import Cut, read_video
from .masks import mask_of, with_difference
from .recipe import InputRefs, Trim


def read_source(path: Path, trim: Trim, *, hold: bool = True) -> Video:
    """The frames of a source that are used, in SDR; see `read_video`."""
    return as_sdr(read_video(path, cut_of(trim), hold=hold), why="for the model, and so is the result")


def cut_of(trim: Trim) -> Cut:
    """A trim for the video library."""
    return Cut(start=trim.start, end=trim.end, frames=trim.frames, every=trim.every)


def opened(refs: InputRefs, progress: Progress = quiet) -> Inputs:
    """The inputs at their own sizes; `progress` reports work on the mask, which is done when it is needed.

    Raises:
        FileNotFoundError, ValueError: If one can't be read, or doesn't belong to the video.
    """
    if refs.video is None:
        return Inputs()
    video = read_source(Path(refs.video.path), refs.video.trim)
    key_frames = {
        frame.at: read_picture(Path(frame.path), video, refs.cover).frames for frame in refs.key_frames
    }
    ref = refs.mask and with_difference(refs.mask, video, key_frames)
    return Inputs(
        video=video,
        mask=ref and mask_of(ref, cut_of(refs.video.trim), video, progress),
        key_frames=key_frames,
        control=refs.control and _control(Path(refs.control.path), video),
    )


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


def fit_for(video: Video, model: Backbone, wanted: Fit | str | None) -> Fit:
    """The size and length to work at.

    Args:
        video: The source.
        model: The model; one without weights will do.
        wanted: The model's own size if None, `source`, WIDTHxHEIGHT, or a fit that was chosen before.

    Raises:
        ValueError: If it is none of these, or not a multiple of the model's stride.
    """
    if isinstance(wanted, Fit):
        if wanted.source != (video.height, video.width) or any(
            side % model.grid.stride for side in wanted.size
        ):
            raise ValueError(
                f"the settings' sizes, {wanted.size} of {wanted.source}, don't suit this video of "
                f"{video.width}x{video.height} and this model"
            )
        return wanted
    if wanted is None:
        return Fit.to(video, area=model.native_area, grid=model.grid)
    if wanted == "source":
        return Fit.whole(video, grid=model.grid)
    width, _, height = wanted.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise ValueError(f"--size {wanted!r} is neither WIDTHxHEIGHT, such as 512x320, nor source")
    return Fit.to(video, area=model.native_area, grid=model.grid, size=(int(height), int(width)))


def fitted(video: Video, model: Backbone, wanted: Fit | str | None = None) -> tuple[Video, Fit]:
    """A video at the size and length to work at, for those who train on it; as `fit_for`."""
    fit = fit_for(video, model, wanted)
    return fit.apply(video), fit


def _control(path: Path, video: Video) -> Video:
    control = Video.read(path)
    if len(control) != len(video):
        raise ValueError(
            f"the control video {path} has {len(control)} frames and the video {len(video)}: they must match"
        )
    return control
