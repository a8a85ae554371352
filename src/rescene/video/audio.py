"""The sound of a video: it stays in its file until the video is written, then is copied or re-encoded."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, groupby
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.filter import Graph
from av.filter.context import FilterContext

from .filters import through
from .media import audio_stream, demux, open_media

log = logging.getLogger(__name__)

_RATE = 48000
_STEADY = ("aresample", "async=1:min_hard_comp=0.01")
"""Silence where sound is missing, and less of it where two parts overlap by a hundredth of a second."""


@dataclass(frozen=True, kw_only=True)
class Audio:
    """Part of a file's first audio stream that can be decoded."""

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
        stream = audio_stream(self._input)
        if stream is None:
            self._input.close()
            raise ValueError(f"{audio.path} had sound and now has none that can be decoded; read it again")
        # The muxer must not see the whole sound before the first picture: it would hold it in memory.
        if stream.codec.canonical_name in wanted.copied:
            target = output.add_stream_from_template(stream)
            self._packets = _copied(self._input, stream, target, audio, wanted.preroll)
        else:
            layout = "mono" if stream.codec_context.layout.nb_channels == 1 else "stereo"
            target = output.add_stream(wanted.codec, rate=_RATE, layout=layout)
            assert isinstance(target, AudioStream)
            target.bit_rate = wanted.bit_rate
            self._packets = _encoded(self._input, stream, target, audio)
        self._path = audio.path
        self._next = self._following()

    def __enter__(self) -> "AudioTrack":
        return self

    def __exit__(self, *_: object) -> None:
        self._input.close()

    def write_until(self, time: Fraction | None = None) -> None:
        """Writes what is heard before `time`, in seconds from the start; all of it by default."""
        while self._next is not None and (time is None or _seconds(self._next) < time):
            self._output.mux(self._next)
            self._next = self._following()

    def _following(self) -> av.Packet | None:
        """The next packet; none once the sound can't be read on, for it mustn't take the pictures along."""
        try:
            return next(self._packets, None)
        except (FFmpegError, ValueError) as error:
            log.warning("the sound of %s ends early, as it can't be converted: %s", self._path, error)
            return None


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
    target.codec_context.open()
    wanted = f"sample_fmts={target.format.name}:channel_layouts={target.layout.name}:sample_rates={_RATE}"
    size = target.codec_context.frame_size
    for frame in _cut(_uniform(_decoded(container, stream), wanted), audio, wanted, size):
        yield from target.encode(frame)
    yield from target.encode(None)


def _uniform(frames: Iterable[AudioFrame], wanted: str) -> Iterator[AudioFrame]:
    """The same sound in one format: rate, channels and samples may change within a stream."""
    kinds = groupby(frames, key=lambda each: (each.format.name, each.layout.name, each.sample_rate))
    for _, alike in kinds:
        first = next(alike)
        graph = _linked(_source(first), ("aresample", str(_RATE)), ("aformat", wanted))
        yield from through(graph, chain([first], alike))


def _cut(frames: Iterator[AudioFrame], audio: Audio, wanted: str, size: int) -> Iterator[AudioFrame]:
    """What is heard from the cut on, in frames of `size` samples."""
    if (first := next(frames, None)) is None:
        return
    trim = {"start": f"{float(audio.start):.6f}"} if audio.start else {}
    if audio.end is not None:
        trim["end"] = f"{float(audio.end):.6f}"
    trimmed = (
        ("atrim", ":".join(f"{key}={value}" for key, value in trim.items())) if trim else ("anull", None)
    )
    graph = _linked(
        _source(first), trimmed, ("asetpts", f"PTS-{float(audio.start):.6f}/TB"), _STEADY, ("aformat", wanted)
    )
    if size:
        graph.set_audio_frame_size(size)
    yield from through(graph, chain([first], frames))


def _source(frame: AudioFrame) -> tuple[Graph, FilterContext]:
    """A graph for frames such as this one."""
    graph = Graph()
    source = graph.add_abuffer(
        sample_rate=frame.sample_rate,
        format=frame.format.name,
        layout=frame.layout.name,
        time_base=frame.time_base,
    )
    return graph, source


def _linked(begun: tuple[Graph, FilterContext], *filters: tuple[str, str | None]) -> Graph:
    graph, source = begun
    graph.link_nodes(source, *(graph.add(*each) for each in filters), graph.add("abuffersink")).configure()
    return graph


def _decoded(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """The frames that can be decoded; damaged packets are silent."""
    damaged = 0
    for packet in demux(container, stream):
        try:
            yield from stream.decode(packet if packet.size else None)
        except FFmpegError:
            damaged += 1
    if damaged:
        log.warning("%s has %d damaged packets of sound; they are left out", container.name, damaged)


def _seconds(packet: av.Packet) -> Fraction:
    stamp = packet.dts if packet.dts is not None else packet.pts
    return (stamp or 0) * packet.time_base
