"""Opens media files: local ones of known formats only, so that no file can make us fetch or run another.

Every number in a file is a claim: what is larger than the limits here is refused before it is believed.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from PIL import Image, TiffImagePlugin, WebPImagePlugin

log = logging.getLogger(__name__)

# Without playlists (HLS, DASH, concat), which name further files, and text, which FFmpeg plays as a terminal.
FORMATS = (
    "mov,matroska,avi,gif,apng,mpegts,mpeg,mpegvideo,flv,asf,ogg,mxf,nut,ivf,h264,hevc,m4v,yuv4mpegpipe,dv"
)
# Without EPS, for which Pillow starts Ghostscript.
_IMAGES = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
assert TiffImagePlugin and WebPImagePlugin  # Importing them is what makes these two known.
MOST_FRAMES = 1_000_000
"""Nine hours at 30 frames a second."""
MOST_SECONDS = 7 * 86400
MOST_SIDE = 16384
MOST_PIXELS = 1 << 25
"""In a frame: one of 7680x4320."""
WIDEST_PIXEL = 8
"""The largest ratio of a pixel's sides."""


def open_media(path: Path) -> InputContainer:
    """Opens a file for demuxing.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not a video.
    """
    _check_file(path)
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    try:
        return av.open(str(path.absolute()), container_options=options, metadata_errors="replace")
    except FFmpegError as error:
        raise ValueError(
            f"{path} cannot be read as a video ({error.strerror}): it is of another kind, "
            "or was cut short before its index; check that it plays, or convert it to mp4"
        ) from error


@contextmanager
def open_image(path: Path) -> Iterator[Image.Image]:
    """A block in which an image file is open; whatever is found wrong with it in the block is told as such.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no image, is damaged, or is too large.
    """
    _check_file(path)
    try:
        with Image.open(path, formats=_IMAGES) as image:
            check_size(path, *image.size)
            yield image
    except TooLargeError:
        raise
    except Exception as error:  # Pillow's readers raise whatever their parsers do.
        why = str(error).replace(str(path), "it").split("\n")[0][:100]
        raise ValueError(f"{path} cannot be read as an image ({why}); replace it or remove it") from error


class TooLargeError(ValueError):
    """A file claims more than the limits."""


def check_size(path: Path, width: int, height: int) -> None:
    """Raises TooLargeError for a frame that nobody could edit."""
    if not (0 < width <= MOST_SIDE and 0 < height <= MOST_SIDE and width * height <= MOST_PIXELS):
        raise TooLargeError(
            f"{path} has frames of {width}x{height} pixels; {MOST_SIDE} a side and {MOST_PIXELS} in all are "
            "the most, so scale it down"
        )


def demux(container: InputContainer, stream: av.VideoStream | av.AudioStream) -> Iterator[av.Packet]:
    """The packets of a stream up to the first damage, then an empty one that flushes the decoder."""
    damaged = 0
    try:
        for packet in container.demux(stream):
            if not packet.is_corrupt:
                yield packet
            else:
                damaged += 1
    except FFmpegError:
        log.warning("%s is damaged; what follows the damage is left out", container.name)
    if damaged:
        log.warning("%s is damaged; %d of its packets are left out", container.name, damaged)


def video_stream(container: InputContainer) -> av.VideoStream:
    """The first video stream that isn't a cover picture.

    Raises:
        ValueError: If there is none, or none that can be decoded.
    """
    streams = [each for each in container.streams.video if not each.disposition & Disposition.attached_pic]
    for stream in streams:
        if _is_known(stream) and stream.width and stream.height:
            check_size(Path(container.name), stream.width, stream.height)
            if not 0 < (stream.time_base or 1) <= MOST_SECONDS:
                raise ValueError(
                    f"{container.name} counts its time in units of {stream.time_base} s; convert it"
                )
            return stream
    if streams:
        raise ValueError(f"{container.name} has pictures of a codec that can't be decoded; convert it to mp4")
    raise ValueError(f"{container.name} has no video stream; give a file with pictures in it")


def audio_stream(container: InputContainer) -> av.AudioStream | None:
    """The first sound stream that can be decoded."""
    return next((each for each in container.streams.audio if _is_known(each)), None)


def pixel_aspect(path: Path, stream: av.VideoStream) -> Fraction:
    """How wide a stream's pixels are for their height.

    Raises:
        TooLargeError: If no camera has such pixels.
    """
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if not Fraction(1, WIDEST_PIXEL) <= aspect <= WIDEST_PIXEL:
        raise TooLargeError(
            f"{path} says that its pixels are {aspect} times as wide as high; no camera's are"
        )
    return aspect


def _check_file(path: Path) -> None:
    if not path.is_file():
        what = (
            "is a device or a pipe, not a file; name a file"
            if path.exists()
            else "no such file; check the path"
        )
        raise FileNotFoundError(f"{path}: {what}")
    if not path.stat().st_size:
        raise ValueError(f"{path} is empty (0 bytes); copy or download it again")


def _is_known(stream: av.VideoStream | av.AudioStream) -> bool:
    """Whether FFmpeg has a decoder; PyAV gives streams of unknown codecs no context."""
    return stream.codec_context is not None  # pyright: ignore[reportUnnecessaryComparison]
