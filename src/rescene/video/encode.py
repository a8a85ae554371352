"""Encodes videos: pulls each frame once, in order, and holds only a few."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import torch
from av.container import OutputContainer
from av.container.core import Flags
from jaxtyping import UInt8

from .audio import AudioFormat, AudioTrack
from .colour import RGBWriter
from .metadata import Metadata, append_xmp_box, container_tags
from .video import Video

_THREADS = 4
"""Fixed, because what x264 writes depends on it."""
_RUN_BYTES = 16 << 20
"""Frames are pulled in runs of about this many bytes of float32."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """How one kind of file is encoded."""

    codec: str
    options: dict[str, str]
    pixels: str
    """The pixel format."""
    pixels_odd: str
    """The pixel format where a side is odd, which subsampled chroma may not allow."""
    audio: AudioFormat
    container: dict[str, str] = field(default_factory=dict)
    least: float = 0.002
    """The least share of the raw pixels' size that a file can be expected to take."""


_AAC = AudioFormat(
    copied=frozenset({"aac", "mp3", "ac3", "eac3", "alac"}), codec="aac", bit_rate=192_000, preroll=1
)
_OPUS = AudioFormat(copied=frozenset({"opus", "vorbis"}), codec="libopus", bit_rate=128_000)
_ANY = AudioFormat(
    copied=_AAC.copied | _OPUS.copied | {"flac", "pcm_s16le", "pcm_s24le", "pcm_f32le"},
    codec="flac",
    bit_rate=0,
)
_H264 = Format(
    codec="libx264",
    # A shorter look ahead than the preset's costs nothing one can see and holds half the frames.
    # Its tree of macroblocks goes by what lies in memory, so that equal frames would give unequal files.
    options={"crf": "18", "preset": "medium", "rc-lookahead": "20", "x264-params": "mbtree=0"},
    pixels="yuv420p",
    pixels_odd="yuv444p",
    audio=_AAC,
    container={"movflags": "+faststart"},
)
_VP9 = Format(
    codec="libvpx-vp9",
    options={"crf": "16", "b": "0", "deadline": "good", "cpu-used": "3", "row-mt": "1"},
    pixels="yuv420p",
    pixels_odd="yuv420p",
    audio=_OPUS,
)
FFV1 = Format(
    codec="ffv1",
    options={"level": "3", "slicecrc": "1", "g": "1"},
    pixels="bgr0",
    pixels_odd="bgr0",
    audio=_ANY,
    least=0.05,
)
FORMATS = {".mp4": _H264, ".mov": _H264, ".webm": _VP9, ".mkv": FFV1}


def encode(video: Video, path: Path, wanted: Format, metadata: Metadata) -> None:
    """Encodes into `path`, whose suffix chooses the container."""
    with ExitStack() as stack:
        output = stack.enter_context(av.open(str(path), "w", container_options=wanted.container))
        output.flags |= Flags.bitexact.value  # No random identifiers, no times of writing.
        output.metadata.update(container_tags(metadata))
        stream = _video_stream(output, video, wanted)
        track = video.audio and stack.enter_context(AudioTrack(video.audio, output, wanted.audio))
        convert = RGBWriter(stream.pix_fmt or wanted.pixels)
        for number, rgb in enumerate(pixels(video)):
            frame = convert(rgb)
            frame.pts, frame.time_base = number, 1 / video.fps
            output.mux(stream.encode(frame))
            if track:
                track.write_until((number + 1) / video.fps)
        output.mux(stream.encode(None))
        if track:
            track.write_until()
    if metadata.source_type and path.suffix.lower() in {".mp4", ".mov"}:
        append_xmp_box(path, metadata.source_type)


def pixels(video: Video) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Each frame as 8-bit RGB.

    Raises:
        ValueError: if a frame holds NaN or infinity.
    """
    run = max(1, min(16, _RUN_BYTES // (12 * video.height * video.width)))
    for number, frames in enumerate(video.chunks(run)):
        if not all(bound.isfinite() for bound in frames.aminmax()):
            raise ValueError(
                f"frames {number * run} to {number * run + len(frames) - 1} hold values that are no numbers "
                "(NaN or infinity), so there is nothing to write; try a higher precision (dtype float32)"
            )
        eight_bit = frames.mul(255).round_().clamp_(0, 255).to(torch.uint8).cpu()
        yield from (np.ascontiguousarray(frame.permute(1, 2, 0).numpy()) for frame in eight_bit)


def _video_stream(output: OutputContainer, video: Video, wanted: Format) -> av.VideoStream:
    stream = output.add_stream(wanted.codec, rate=video.fps, options=wanted.options)
    assert isinstance(stream, av.VideoStream)
    stream.thread_count = _THREADS
    odd = video.height % 2 or video.width % 2
    stream.height, stream.width = video.height, video.width
    stream.pix_fmt = wanted.pixels_odd if odd else wanted.pixels
    stream.codec_context.time_base = 1 / video.fps
    stream.color_primaries, stream.color_trc = video.colour.primaries, video.colour.transfer
    if stream.pix_fmt.startswith("yuv"):
        stream.colorspace, stream.color_range = 1, 1  # BT.709, limited
    return stream
