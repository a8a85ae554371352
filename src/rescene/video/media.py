"""Opens media files: local ones of known formats only, so that no file can make us fetch another."""

import logging
from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError

log = logging.getLogger(__name__)

# Without playlists (HLS, DASH, concat), which name further files, and text, which FFmpeg plays as a terminal.
FORMATS = "mov,matroska,avi,gif,apng,mpegts,mpeg,mpegvideo,flv,asf,ogg,mxf,nut,ivf,h264,hevc,m4v,yuv4mpegpipe"


def open_media(path: Path) -> InputContainer:
    """Opens a file for demuxing.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not a video.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; check the path")
    if not path.stat().st_size:
        raise ValueError(f"{path} is empty (0 bytes); copy or download it again")
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    try:
        return av.open(str(path.absolute()), container_options=options, metadata_errors="replace")
    except FFmpegError as error:
        raise ValueError(
            f"{path} cannot be read as a video ({error.strerror}): it is of another kind, "
            "or was cut short before its index; check that it plays, or convert it to mp4"
        ) from error


def demux(container: InputContainer, stream: av.VideoStream | av.AudioStream) -> Iterator[av.Packet]:
    """The packets of a stream up to the first damage, then an empty one that flushes the decoder."""
    try:
        for packet in container.demux(stream):
            if not packet.is_corrupt:
                yield packet
    except InvalidDataError:
        log.warning("%s is damaged; what follows the damage is left out", container.name)
