"""Odd sound: kept, converted or left out with a warning; it never takes the pictures along."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from rescene.video import Video, audio


def talkie(path: Path, codec: str, layouts: list[str], *, format: str, rate: int = 48000) -> Path:
    """Twenty frames at 10 fps, and a tone whose channels change on the way, where the codec can."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mpeg2video", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        sound = output.add_stream(codec, rate=rate, layout=layouts[0])
        assert isinstance(sound, av.AudioStream)
        for number in range(25):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 9 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame.reformat(format="yuv420p")))
        output.mux(stream.encode(None))
        size = sound.codec_context.frame_size or 1024
        for number in range(rate // size):
            output.mux(sound.encode(tone(layouts[0], size, number, format=format, rate=rate)))
        output.mux(sound.encode(None))
    return path


def tone(layout: str, size: int, number: int, *, format: str, rate: int) -> av.AudioFrame:
    """Part of a tone of 440 Hz."""
    channels = av.AudioLayout(layout).nb_channels
    wave = np.sin(2 * np.pi * 440 * (np.arange(size) + size * number) / rate) * 0.5
    samples: Any = (wave * 32767).astype(np.int16) if format.startswith("s16") else wave.astype(np.float32)
    planes = np.repeat(samples[None], channels, 0)
    if not format.endswith("p"):
        planes = np.ascontiguousarray(planes.T).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(planes, format=format, layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, size * number, Fraction(1, rate)
    return frame


def seconds_of_sound(path: Path) -> float:
    """How long the tone is heard."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    whole = 32767 if "16" in frames[0].format.name else 1
    loud = [frame for frame in frames if np.abs(frame.to_ndarray()).max() > 0.01 * whole]
    return sum(frame.samples for frame in loud) / frames[0].sample_rate


@pytest.mark.parametrize("target", ["a.mp4", "a.webm", "a.mkv"])
@pytest.mark.parametrize(
    ("codec", "layout", "format"),
    [("mp2", "stereo", "s16"), ("ac3", "5.1(side)", "fltp"), ("pcm_s16be", "mono", "s16")],
)
def test_any_sound_is_written(tmp_path, codec, layout, format, target):
    suffix = "mov" if codec == "pcm_s16be" else "ts"
    source = Video.read(talkie(tmp_path / f"source.{suffix}", codec, [layout], format=format))
    source.write(tmp_path / target)
    assert seconds_of_sound(tmp_path / target) == pytest.approx(1, abs=0.1)


def test_sound_may_change_within_a_file(tmp_path):
    frames = [
        *(tone("stereo", 1024, n, format="fltp", rate=48000) for n in range(10)),
        *(tone("5.1", 1024, n, format="fltp", rate=48000) for n in range(10, 20)),
        *(tone("mono", 1024, n, format="s16", rate=48000) for n in range(20, 30)),
    ]
    wanted = "sample_fmts=flt:channel_layouts=stereo:sample_rates=48000"
    made = list(audio._uniform(iter(frames), wanted))
    assert {(frame.format.name, frame.layout.name) for frame in made} == {("flt", "stereo")}
    assert sum(frame.samples for frame in made) == 30 * 1024


def test_damaged_packets_are_left_out_and_the_rest_stays_in_step(tmp_path, film, caplog):
    path = film("a.mp4", 20, beep=0.5)
    video = Video.read(path)
    content, packets = bytearray(path.read_bytes()), []
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(audio=0) if packet.size]
    for at, size in packets[30:34]:
        assert at is not None
        content[at : at + size] = b"\xff" * size
    path.write_bytes(content)
    video.write(tmp_path / "out.webm")
    assert "damaged packets of sound" in caplog.text
    written = Video.read(tmp_path / "out.webm")
    assert len(written) == 20 and written.audio is not None


def test_sound_that_cannot_be_converted_costs_no_picture(tmp_path, film, monkeypatch, caplog):
    def broken(*_):
        raise ValueError("no such layout")
        yield

    monkeypatch.setattr(audio, "_uniform", broken)
    Video.read(film("a.mp4", 10, beep=0.2)).write(tmp_path / "out.webm")
    assert len(Video.read(tmp_path / "out.webm")) == 10
    assert "can't be converted: no such layout" in caplog.text


def test_the_first_sound_with_a_decoder_is_taken(film, monkeypatch, caplog):
    monkeypatch.setattr("rescene.video.media._is_known", lambda stream: stream.type == "video")
    assert Video.read(film("a.mp4", 5, beep=0.2)).audio is None
    assert "of a codec that can't be decoded; it is left out" in caplog.text


def test_pictures_of_an_unknown_codec_are_refused(film, monkeypatch):
    monkeypatch.setattr("rescene.video.media._is_known", lambda stream: False)
    with pytest.raises(ValueError, match="of a codec that can't be decoded"):
        Video.read(film("a.mp4", 5))
