"""The sound of a video: it stays in its file until the video is written, then is copied or re-encoded."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.filter import Graph

from .filters import through
from .media import demux, open_media

_RATE = 48000


@dataclass(frozen=True, kw_only=True)
class Audio:
    """Part of a file's first audio stream."""

    path: Path
    start: Fraction = Fraction(0)
    """What is heard with the first frame, in seconds of the file's clock."""
    end: Fraction | None = None
    """Where it ends, in seconds of the file's clock; None for the end of the file."""

    def cut(self, start: Fraction, end: Fraction | None) -> "Audio":
        """The part from `start` to `end`, in seconds from the start of this one."""
        ends = [self.start + end] if end is not None else []
        if self.end is not None:
            ends.append(self.end)
        return replace(self, start=self.start + start, end=min(ends, default=None))


@dataclass(frozen=True, kw_only=True)
class AudioFormat:
    """How a container takes sound."""

    copied: frozenset[str]
    """Codecs that are copied packet by packet."""
    codec: str
    """What everything else is encoded as."""
    bit_rate: int
    preroll: int = 0
    """Packets copied from before the cut, so that the decoder is warm; players skip them by the edit list."""


class AudioTrack:
    """Sound on its way into an output file, in step with the pictures.

    Use as a context manager; it adds the output's stream when made, so make it before the first frame.
    """

    def __init__(self, audio: Audio, output: OutputContainer, wanted: AudioFormat) -> None:
        self._output = output
        self._input = open_media(audio.path)
        stream = self._input.streams.audio[0]
        # The muxer must not see the whole sound before the first picture: it would hold it in memory.
        if stream.codec.canonical_name in wanted.copied:
            target = output.add_stream_from_template(stream)
            self._packets = _copied(self._input, stream, target, audio, wanted.preroll)
        else:
            target = output.add_stream(wanted.codec, rate=_RATE, layout=_layout(stream))
            assert isinstance(target, AudioStream)
            target.bit_rate = wanted.bit_rate
            self._packets = _encoded(self._input, stream, target, audio)
        self._next = next(self._packets, None)

    def __enter__(self) -> "AudioTrack":
        return self

    def __exit__(self, *_: object) -> None:
        self._input.close()

    def write_until(self, time: Fraction | None = None) -> None:
        """Writes what is heard before `time`, in seconds from the start; all of it by default."""
        while self._next is not None and (time is None or _seconds(self._next) < time):
            self._output.mux(self._next)
            self._next = next(self._packets, None)


def _copied(
    container: InputContainer, stream: AudioStream, target: AudioStream, audio: Audio, preroll: int
) -> Iterator[av.Packet]:
    early: list[av.Packet] = []
    for packet in demux(container, stream):
        if not packet.size or packet.pts is None:
            continue
        begins = packet.pts * packet.time_base
        if audio.end is not None and begins >= audio.end:
            return
        if begins + (packet.duration or 0) * packet.time_base <= audio.start:
            early = [*early, packet][-preroll:] if preroll else []
            continue
        for kept in (*early, packet):
            yield _shifted(kept, audio.start, target)
        early = []


def _shifted(packet: av.Packet, start: Fraction, target: AudioStream) -> av.Packet:
    ticks = round(start / packet.time_base)
    packet.pts = None if packet.pts is None else packet.pts - ticks
    packet.dts = None if packet.dts is None else packet.dts - ticks
    packet.stream = target
    return packet


def _encoded(
    container: InputContainer, stream: AudioStream, target: AudioStream, audio: Audio
) -> Iterator[av.Packet]:
    graph = Graph()
    trim = {"start": f"{float(audio.start):.6f}"} if audio.start else {}
    if audio.end is not None:
        trim["end"] = f"{float(audio.end):.6f}"
    graph.link_nodes(
        graph.add_abuffer(template=stream),
        graph.add("atrim", **trim) if trim else graph.add("anull"),
        graph.add("asetpts", f"PTS-{float(audio.start):.6f}/TB"),
        graph.add("aresample", str(_RATE)),
        graph.add("aformat", f"sample_fmts={target.format.name}:channel_layouts={target.layout.name}"),
        graph.add("abuffersink"),
    ).configure()
    target.codec_context.open()
    graph.set_audio_frame_size(target.codec_context.frame_size)
    for frame in through(graph, _decoded(container, stream)):
        yield from target.encode(frame)
    yield from target.encode(None)


def _decoded(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    for packet in demux(container, stream):
        yield from stream.decode(packet if packet.size else None)


def _layout(stream: AudioStream) -> str:
    return "mono" if stream.codec_context.layout.nb_channels == 1 else "stereo"


def _seconds(packet: av.Packet) -> Fraction:
    stamp = packet.dts if packet.dts is not None else packet.pts
    return (stamp or 0) * packet.time_base
