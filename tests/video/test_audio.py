from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import av
import pytest

from rescene.video import Video

BEEP = 1.0
CUTS = [
    {},
    {"start": 0.3},
    {"start": 0.77, "end": 1.6},
    {"start": 7},
    {"end": "1.5s"},
    {"start": 2, "every": 3},
]


def packets(path):
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        return stream.codec.canonical_name, [
            bytes(packet) for packet in container.demux(stream) if packet.size
        ]


def heard_until(path):
    with av.open(str(path)) as container:
        return max(
            float((frame.time or 0) + frame.samples / frame.sample_rate)
            for frame in container.decode(audio=0)
        )


@pytest.mark.parametrize("cut", CUTS, ids=str)
@pytest.mark.parametrize(
    ("target", "fps"),
    [
        ("out.mp4", Fraction(10)),
        ("out.mp4", Fraction(24000, 1001)),
        ("out.webm", Fraction(10)),
        ("out.mkv", Fraction(10)),
    ],
)
def test_sound_stays_with_the_pictures(film, onset, target, fps, cut):
    path = film("a.mp4", int(2 * fps), fps=fps, beep=BEEP)
    video = Video.read(path, **cut)
    video.write(path.with_name(target))
    start = cut.get("start", 0)
    begins = start / fps if isinstance(start, int) else round(start * fps) / fps
    assert onset(path.with_name(target)) == pytest.approx(BEEP - float(begins), abs=0.003)
    assert heard_until(path.with_name(target)) == pytest.approx(float(video.duration), abs=0.07)


@pytest.mark.parametrize(
    ("source", "sound", "target"),
    [
        ("a.mp4", "aac", "b.mp4"),
        ("a.mp4", "aac", "b.mov"),
        ("a.mp4", "aac", "b.mkv"),
        ("a.ts", "aac", "b.mp4"),
        ("a.webm", "libopus", "b.webm"),
        ("a.webm", "libopus", "b.mkv"),
        ("a.avi", "libmp3lame", "b.mp4"),
        ("a.mkv", "flac", "b.mkv"),
    ],
)
def test_sound_that_fits_is_copied_packet_by_packet(film, onset, source, sound, target):
    codec = "libvpx-vp9" if source == "a.webm" else "libx264"
    path = film(source, 20, codec=codec, beep=BEEP, sound=sound)
    Video.read(path).write(path.with_name(target))
    (name, before), (copied, after) = packets(path), packets(path.with_name(target))
    assert copied == name
    # Matroska keeps no packet that ends before the first picture; raw AAC loses its transport header.
    assert before[-len(after) :] == after or source == "a.ts"
    assert len(before) - len(after) <= 1
    # An mp3 in an AVI begins with its encoder's delay.
    late = 0.03 if sound == "libmp3lame" else 0.003
    assert onset(path.with_name(target)) == pytest.approx(BEEP, abs=late)


@pytest.mark.parametrize(
    ("source", "sound", "target", "codec"),
    [
        ("a.webm", "libopus", "b.mp4", "aac"),
        ("a.mp4", "aac", "b.webm", "opus"),
        ("a.mkv", "pcm_s16le", "b.mp4", "aac"),
    ],
)
def test_sound_that_does_not_fit_is_encoded(film, onset, source, sound, target, codec):
    path = film(source, 20, codec="libvpx-vp9" if source == "a.webm" else "libx264", beep=BEEP, sound=sound)
    Video.read(path).write(path.with_name(target))
    assert packets(path.with_name(target))[0] == codec
    assert onset(path.with_name(target)) == pytest.approx(BEEP, abs=0.003)


def test_cutting_twice_is_cutting_once(film):
    video = Video.read(film("a.mp4", 20, beep=BEEP))
    assert video[4:18][3:9].audio == video[7:13].audio


def test_sound_is_written_along_with_the_pictures(film):
    path = film("a.mp4", 20, beep=BEEP)
    Video.read(path).write(path.with_name("b.mkv"))
    with av.open(str(path.with_name("b.mkv"))) as container:
        order = [
            (packet.stream.type, (packet.dts or 0) * packet.time_base)
            for packet in container.demux()
            if packet.size
        ]
    assert all(later[1] - earlier[1] > -0.2 for earlier, later in pairwise(order))


def test_sound_that_begins_later_stays_late(film, onset):
    path = film("a.mp4", 20, beep=0.0)
    video = Video.read(path)
    assert video.audio
    late = replace(video.audio, start=Fraction(-1, 2))
    for target in ("b.mp4", "b.webm"):
        replace(video, audio=late).write(path.with_name(target))
        assert onset(path.with_name(target)) == pytest.approx(0.5, abs=0.003)


def test_formats_without_sound_drop_it(film):
    path = film("a.mp4", 5, beep=BEEP)
    for target in ("b.gif", "frames"):
        Video.read(path).write(path.with_name(target))
        assert Video.read(path.with_name(target)).audio is None
