"""A video file as a clip: decoded when read, a few frames at a time."""

import logging
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
import torch
from av.container import InputContainer
from av.error import FFmpegError
from jaxtyping import UInt8

from ..typing import Frames
from .colour import Colour, RGBReader
from .filters import deinterlaced
from .index import Index
from .media import check_size, demux, open_media, pixel_aspect, video_stream

log = logging.getLogger(__name__)

_PROGRESSIVE = 1
"""FFmpeg's field order of whole frames; above it are those of fields, below it nobody knows."""
_MOST_DAMAGED = 0.2
"""The share of frames that may be damaged; with more, a result would be of little but repetitions."""
_ENOUGH = 50
"""Frames after which that can be told before the end."""
_SITED_LEFT = ("vp8", "libvpx", "vp9", "libvpx-vp9")
"""Codecs whose colours are between the left pixels (H.273, type 0) and whose decoders don't say so."""


class FileClip:
    """The frames of a file shown at `times`, upright and with square pixels.

    A frame that cannot be decoded shows the one before it. `opacity` is `RGBReader`'s.
    """

    def __init__(self, path: Path, index: Index, times: list[int], *, opacity: bool = False) -> None:
        self._decoder, self._times = Decoder(path, index), times
        first = self._decoder.frame_at(times[0])
        if self._decoder.interlaced:
            log.warning("%s is interlaced: its fields are made into whole frames (bwdif)", path)
        self.colour = Colour.of(first)
        self._turn = _Turn(first)
        height, width = first.height, max(1, round(first.width * self._decoder.pixel_aspect))
        check_size(path, width, height)
        sited_left = self._decoder.codec in _SITED_LEFT
        self._to_rgb = RGBReader(height, width, opacity=opacity, sited_left=sited_left)
        self._shape = (width, height) if self._turn.transposes else (height, width)

    @property
    def height(self) -> int:
        return self._shape[0]

    @property
    def width(self) -> int:
        return self._shape[1]

    def __len__(self) -> int:
        return len(self._times)

    def read(self, start: int, stop: int) -> Frames:
        frames = torch.empty(stop - start, 3, *self._shape)
        for frame, time in zip(frames, self._times[start:stop], strict=True):
            pixels = self._turn(self._to_rgb(self._decoder.frame_at(time)))
            frame.copy_(torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1))
        return frames.div_(255)


class Decoder:
    """Walks through a file's frames, and seeks only where that saves decoding."""

    def __init__(self, path: Path, index: Index) -> None:
        self._path, self._index = path, index
        self._container: InputContainer | None = None
        self._frames: Iterator[tuple[int, av.VideoFrame]] = iter(())
        self._shown: tuple[int, av.VideoFrame] | None = None
        self._next: tuple[int, av.VideoFrame] | None = None
        self.pixel_aspect = Fraction(1)
        self.codec = ""
        self.interlaced: bool | None = None
        """Known once a frame was decoded."""
        self._good, self._bad = set[int](), set[int | None]()
        """The times of the frames that were decoded, and of those that couldn't be."""

    def frame_at(self, time: int) -> av.VideoFrame:
        """The frame on display at `time`."""
        reached = None if self._shown is None else self._shown[0]
        if reached is None or time < reached or self._index.key_before(time) > reached:
            self._begin_before(time)
        while self._next is not None and (self._shown is None or self._next[0] <= time):
            self._shown, self._next = self._next, next(self._frames, None)
        if self._shown is None:
            raise ValueError(f"{self._path} has no frame that can be decoded; check that it plays")
        return self._shown[1]

    def _begin_before(self, time: int) -> None:
        key = self._index.key_before(time)
        if self.interlaced:  # The first frame needs the one before it.
            key = self._index.key_before(key - 1)
        self._begin(key)
        # Files order their seek points by decoding time, so a seek may land late.
        while (self._next is None or self._next[0] > time) and key > self._index.times[0]:
            key = self._index.key_before(key - 1)
            self._begin(key)

    def _begin(self, key: int) -> None:
        if self._container is not None:
            self._container.close()
        self._container = open_media(self._path)
        stream = video_stream(self._container)
        stream.thread_type = "AUTO"
        self.pixel_aspect, self.codec = pixel_aspect(self._path, stream), stream.codec_context.name
        if key > self._index.times[0]:
            self._seek(self._container, stream, key)
        self._frames = self._whole(self._decode(self._container, stream), stream)
        self._shown, self._next = None, next(self._frames, None)

    def _seek(self, container: InputContainer, stream: av.VideoStream, key: int) -> None:
        try:
            container.seek(key, stream=stream)
        except FFmpegError as error:
            raise ValueError(
                f"{self._path} can't be searched ({error.strerror}); convert it to mp4"
            ) from error

    def _whole(
        self, frames: Iterator[tuple[int, av.VideoFrame]], stream: av.VideoStream
    ) -> Iterator[tuple[int, av.VideoFrame]]:
        """The frames, made whole where they come as fields."""
        if (first := next(frames, None)) is None:
            return frames
        if self.interlaced is None:
            order = stream.codec_context.field_order
            self.interlaced = bool(first[1].interlaced_frame or order > _PROGRESSIVE)
        frames = chain([first], frames)
        return deinterlaced(frames) if self.interlaced else frames

    def _decode(
        self, container: InputContainer, stream: av.VideoStream
    ) -> Iterator[tuple[int, av.VideoFrame]]:
        # Without display times, the frames that come are numbered; those that don't show at the end.
        decoder, ordinals, counted = _codec(stream), iter(self._index.times), self._index.ordinal
        for packet in demux(container, stream):
            try:
                frames = decoder.decode(packet if packet.size else None)
            except FFmpegError:
                if not counted:
                    self._count_damaged(packet.dts)
                continue
            for frame in frames:
                check_size(self._path, frame.width, frame.height)
                time = next(ordinals, None) if counted else frame.pts
                if time is not None:
                    self._good.add(time)
                    yield time, frame
        for time in ordinals if counted else ():
            self._count_damaged(time)
        self._refuse_ruin()

    def _count_damaged(self, time: int | None) -> None:
        if not self._bad:
            log.warning("%s has damaged frames; the one before is repeated for each", self._path)
        self._bad.add(time)
        if len(self._good | self._bad) > _ENOUGH:
            self._refuse_ruin()

    def _refuse_ruin(self) -> None:
        """Raises ValueError if too many of the frames so far were damaged."""
        seen, damaged = len(self._good | self._bad), len(self._bad)
        if damaged > _MOST_DAMAGED * seen:
            raise ValueError(
                f"{self._path} is damaged: {damaged} of {seen} frames can't be decoded; copy it again"
            )


class _Turn:
    """Sets a frame upright, by the display matrix that cameras store instead of turning the pixels."""

    def __init__(self, frame: av.VideoFrame) -> None:
        matrix = frame.side_data.get("DISPLAYMATRIX")
        # Rows (a b u) (c d v) (x y w) map (x, y) to (ax + cy, bx + dy).
        a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5] if matrix else (1, 0, 0, 0, 1)
        self.transposes = bool(abs(a) < abs(b))
        across, down = (c, b) if self.transposes else (a, d)
        self._across, self._down = (-1 if across < 0 else 1), (-1 if down < 0 else 1)

    def __call__(self, pixels: UInt8[np.ndarray, "..."]) -> UInt8[np.ndarray, "..."]:
        turned = pixels.transpose(1, 0, 2) if self.transposes else pixels
        return turned[:: self._down, :: self._across]


def _codec(stream: av.VideoStream) -> av.VideoCodecContext:
    """The stream's decoder; FFmpeg's own for VP8 and VP9 ignore transparency, libvpx's don't."""
    libvpx = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(stream.codec_context.name)
    if libvpx and stream.metadata.get("alpha_mode") == "1":
        return av.VideoCodecContext.create(libvpx, "r")  # pyright: ignore
    return stream.codec_context
