"""A video file as a clip: decoded when read, a few frames at a time."""

import logging
from collections.abc import Iterator
from fractions import Fraction
from itertools import count
from pathlib import Path

import av
import numpy as np
import torch
from av.container import InputContainer
from av.error import InvalidDataError
from jaxtyping import UInt8

from ..typing import Frames
from .colour import Colour, RGBReader
from .index import Index, video_stream
from .media import demux, open_media

log = logging.getLogger(__name__)


class FileClip:
    """The frames of a file shown at `times`, upright and with square pixels.

    A frame that cannot be decoded shows the one before it. `opacity` is `RGBReader`'s.
    """

    def __init__(self, path: Path, index: Index, times: list[int], *, opacity: bool = False) -> None:
        self._decoder, self._times = Decoder(path, index), times
        first = self._decoder.frame_at(times[0])
        self.colour = Colour.of(first)
        self._turn = _Turn(first)
        height, width = first.height, _square_width(first.width, self._decoder.pixel_aspect)
        self._to_rgb = RGBReader(height, width, opacity=opacity)
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
        self.pixel_aspect: Fraction | None = None

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
        self.pixel_aspect = stream.sample_aspect_ratio
        if key > self._index.times[0]:
            self._container.seek(key, stream=stream)
        self._frames = self._decode(self._container, stream)
        self._shown, self._next = None, next(self._frames, None)

    def _decode(
        self, container: InputContainer, stream: av.VideoStream
    ) -> Iterator[tuple[int, av.VideoFrame]]:
        decoder, ordinals = _codec(stream), count()
        for packet in demux(container, stream):
            try:
                frames = decoder.decode(packet if packet.size else None)
            except InvalidDataError:
                log.warning("%s has a damaged frame; the one before it is repeated", self._path)
                continue
            for frame in frames:
                if self._index.ordinal:
                    yield next(ordinals), frame
                elif frame.pts is not None:
                    yield frame.pts, frame


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


def _square_width(width: int, pixel_aspect: Fraction | None) -> int:
    return round(width * (pixel_aspect or 1))
