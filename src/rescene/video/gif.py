"""Writes GIFs with a palette made for the video: once through for the colours, once for the frames."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from math import ceil
from pathlib import Path

import av
from av.container import InputContainer
from av.filter import Graph

from .encode import FORMATS, encode
from .filters import through
from .metadata import Metadata, gif_blocks
from .video import Video

_FASTEST = 50
"""Frames a second; browsers slow a GIF down that asks for more."""


def write_gif(video: Video, path: Path, metadata: Metadata) -> None:
    """Writes an endlessly looping GIF; above 50 frames a second it leaves frames out."""
    # Frames may be costly to make, so they are made once and kept losslessly for the second pass.
    kept, plain = path.with_suffix(".mkv"), path.with_suffix(".plain.gif")
    try:
        thinned = video[:: ceil(video.fps / _FASTEST)]
        encode(replace(thinned, audio=None), kept, FORMATS[".mkv"], Metadata())
        _write_frames(kept, _palette(kept), plain)
        _insert(gif_blocks(metadata), plain, path)
    finally:
        kept.unlink(missing_ok=True)
        plain.unlink(missing_ok=True)


def _palette(path: Path) -> av.VideoFrame:
    """The 256 colours that suit all frames best."""
    with av.open(str(path)) as container:
        graph = Graph()
        source = graph.add_buffer(template=container.streams.video[0])
        graph.link_nodes(source, graph.add("palettegen"), graph.add("buffersink")).configure()
        return next(through(graph, container.decode(video=0)))


def _write_frames(source: Path, palette: av.VideoFrame, path: Path) -> None:
    with av.open(str(source)) as container, av.open(str(path), "w") as output:
        stream = container.streams.video[0]
        target = output.add_stream("gif", rate=stream.average_rate)
        assert isinstance(target, av.VideoStream)
        target.height, target.width, target.pix_fmt = stream.height, stream.width, "pal8"
        for frame in _quantised(container, stream, palette):
            output.mux(target.encode(frame))
        output.mux(target.encode(None))


def _quantised(
    container: InputContainer, stream: av.VideoStream, palette: av.VideoFrame
) -> Iterator[av.VideoFrame]:
    graph = Graph()
    frames = graph.add_buffer(template=stream)
    colours = graph.add_buffer(
        width=palette.width, height=palette.height, format=palette.format, time_base=stream.time_base
    )
    use, sink = graph.add("paletteuse", "dither=sierra2_4a:diff_mode=rectangle"), graph.add("buffersink")
    frames.link_to(use, 0, 0)
    colours.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    graph.vpush(palette, at=1)
    graph.vpush(None, at=1)
    return through(graph, container.decode(stream))


def _insert(blocks: bytes, plain: Path, path: Path) -> None:
    """Copies a GIF and puts `blocks` between its header and its first frame."""
    with plain.open("rb") as source, path.open("wb") as target:
        header = source.read(13)
        # Bit 7 of the packed field: a global colour table follows, of 2^(1 + bits 0 to 2) colours.
        table = 3 << ((header[10] & 7) + 1) if header[10] & 0x80 else 0
        target.write(header + source.read(table) + blocks)
        shutil.copyfileobj(source, target)
