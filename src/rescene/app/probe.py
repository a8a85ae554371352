"""Looks at an uploaded video in a process of its own, which may die of it: `probe.py FILE FORMATS LIMITS`.

Everything is decoded once, with bounds on memory and time, so that what passes can't harm the app.
"""

import json
import sys
from pathlib import Path

import av
from av.container import InputContainer

MEMORY = 3 << 30


def main(path: str, formats: str, limits: str) -> None:
    """Prints what the video is, or why it is refused, as JSON."""
    allowed = json.loads(limits)
    _bounded(allowed["seconds"])
    try:
        report = look(Path(path), formats, allowed)
    except Refused as reason:
        report = {"refused": str(reason)}
    except (av.FFmpegError, MemoryError) as error:
        report = {"refused": f"it can't be decoded ({getattr(error, 'strerror', None) or 'out of memory'})"}
    sys.stdout.write(json.dumps(report))


class Refused(Exception):  # noqa: N818
    """Why a file isn't taken."""


def look(path: Path, formats: str, allowed: dict[str, int]) -> dict[str, float]:
    """Decodes all frames of a video.

    Raises:
        Refused: If it is none, or exceeds the limits.
    """
    options = {"format_whitelist": formats, "protocol_whitelist": "file"}
    try:
        container = av.open(str(path), container_options=options, metadata_errors="replace")
    except av.FFmpegError as error:
        raise Refused("it is no video that can be read, or was cut short; convert it to mp4") from error
    with container:
        if not container.streams.video:
            raise Refused("it has no pictures in it")
        _check_length(container, allowed["frames"])
    with av.open(str(path), container_options=options, metadata_errors="replace") as container:
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise Refused("its pictures are of a codec that isn't known; convert it to mp4")
        width, height = stream.codec_context.width, stream.codec_context.height
        _check_size(round(width * (stream.sample_aspect_ratio or 1)), height, allowed["side"])
        frames = 0
        for frame in container.decode(stream):
            _check_size(frame.width, frame.height, allowed["side"])
            frames += 1
            if frames > allowed["frames"]:
                raise Refused(_too_long(allowed["frames"]))
        if not frames:
            raise Refused("none of its frames can be decoded")
        return {"frames": frames}


def _check_length(container: InputContainer, most: int) -> None:
    """Counts packets before anything is decoded: that is quick however long the video is."""
    packets = (packet for packet in container.demux(container.streams.video[0]) if packet.size)
    for count, _ in enumerate(packets, start=1):
        if count > most:
            raise Refused(_too_long(most))


def _too_long(most: int) -> str:
    return f"it has more than {most} frames; cut it to the part you want to edit"


def _check_size(width: int, height: int, side: int) -> None:
    if width > side or height > side:
        raise Refused(
            f"its frames have {width}x{height} pixels and {side} on a side are the most; scale it down"
        )


def _bounded(seconds: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: the time limit of whoever called us is all there is.
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(*sys.argv[1:])
