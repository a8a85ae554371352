"""Makes small films of every awkward kind."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from av.container import OutputContainer

RATE = 48000


def picture(number: int, height: int = 48, width: int = 64) -> np.ndarray:
    """A smooth picture whose brightness tells its number (up to 47) and whose corners differ."""
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    level = np.full_like(down, 20 + 5 * number)
    return (
        np.stack([level, 60 + 120 * down / height, 200 - 120 * across / width], -1).round().astype(np.uint8)
    )


@pytest.fixture
def frames() -> Callable[..., torch.Tensor]:
    """Eight-bit frames [F, 3, H, W] of `picture`."""

    def make(count: int = 8, height: int = 48, width: int = 64) -> torch.Tensor:
        pictures = [picture(number, height, width) for number in range(count)]
        return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()

    return make


@pytest.fixture
def number_of() -> Callable[[torch.Tensor], list[int]]:
    """Which pictures these frames show."""

    def tell(shown: torch.Tensor) -> list[int]:
        return [round((float(frame[0].mean()) * 255 - 20) / 5) for frame in shown]

    return tell


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Path]:
    """Encodes pictures with PyAV, as some other program would."""

    def make(
        name: str,
        pictures: Sequence[np.ndarray] | int = 8,
        *,
        codec: str = "libx264",
        fps: Fraction | int = 10,
        pixels: str = "yuv420p",
        times: Sequence[int] | None = None,
        beep: float | None = None,
        sound: str = "aac",
        options: dict[str, str] | None = None,
        prepare: Callable[[av.VideoStream], None] = lambda stream: None,
    ) -> Path:
        """Makes a film; `times` are in milliseconds, `beep` is when its 2 s of sound turn from silence."""
        if (
            codec == "libx264"
        ):  # Whose tree of macroblocks varies from run to run in frames as small as these.
            options = {"x264-params": "mbtree=0", **(options or {})}
        pictures = [picture(n) for n in range(pictures)] if isinstance(pictures, int) else pictures
        path = tmp_path / name
        with av.open(str(path), "w") as output:
            stream = output.add_stream(codec, rate=fps, options=options or {})
            assert isinstance(stream, av.VideoStream)
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = pixels
            tick = Fraction(1, 1000) if times else 1 / Fraction(fps)
            stream.codec_context.time_base = tick
            prepare(stream)
            track = None if beep is None else output.add_stream(sound, rate=RATE, layout="mono")
            for number, pixel in enumerate(pictures):
                format = "rgba" if pixel.shape[-1] == 4 else "rgb24"
                frame = av.VideoFrame.from_ndarray(pixel, format=format).reformat(
                    format=pixels,
                    dst_colorspace=stream.colorspace if stream.colorspace != 2 else None,
                    dst_color_range=stream.color_range or None,
                )
                frame.pts, frame.time_base = times[number] if times else number, tick
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
            if beep is not None and isinstance(track, av.AudioStream):
                _add_beep(output, track, beep)
        return path

    return make


def _add_beep(output: OutputContainer, track: av.AudioStream, beep: float) -> None:
    clock = np.arange(2 * RATE) / RATE
    wave = np.where(clock >= beep, 0.5 * np.sin(2 * np.pi * 1000 * clock), 0).astype(np.float32)[None]
    frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
    resampler = av.AudioResampler(track.format, "mono", RATE)
    for part in resampler.resample(frame):
        output.mux(track.encode(part))
    output.mux(track.encode(None))


@pytest.fixture
def onset() -> Callable[[Path], float]:
    """When the sound of a file is first heard, in seconds after its first picture."""

    def find(path: Path) -> float:
        with av.open(str(path)) as container:
            first = next(container.decode(video=0)).time
        with av.open(str(path)) as container:
            for frame in container.decode(audio=0):
                wave = frame.to_ndarray().astype(np.float32)
                wave = np.abs(wave[0] if frame.format.is_planar else wave[0, :: frame.layout.nb_channels])
                scale = {"s16": 32768, "s16p": 32768, "s32": 2**31, "s32p": 2**31}.get(frame.format.name, 1)
                loud = np.flatnonzero(wave / scale > 0.1)
                if len(loud):
                    return frame.time + loud[0] / frame.sample_rate - first
        raise AssertionError("the file is silent")

    return find
