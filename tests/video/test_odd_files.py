"""Odd and damaged files: no frame is lost or merged in silence, and no number is believed unbounded."""

import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from rescene.video import Video
from rescene.video import media as limits
from rescene.video.timing import constant_rate


def encoded(path: Path, packets: list[int], *, codec: str = "mpeg4", rate: int = 10) -> Path:
    """A film whose frames get brighter, without those that `packets` leaves out."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=rate, options={"g": "1", "b": "4000000"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in packets:
            frame = av.VideoFrame.from_ndarray(
                np.full((48, 64, 3), 20 + 8 * number, np.uint8), format="rgb24"
            )
            frame.pts, frame.time_base = number, Fraction(1, rate)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def levels(video: Video) -> list[int]:
    """The number of the frame that each shows."""
    return [round((float(frame.mean()) * 255 - 20) / 8) for frame in video.frames]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_a_missing_frame_changes_no_other(tmp_path, name):
    there = [n for n in range(20) if n not in (7, 8, 15)]
    video = Video.read(encoded(tmp_path / name, there))
    assert (len(video), video.fps) == (20, 10)
    assert levels(video) == [{7: 6, 8: 6, 15: 14}.get(n, n) for n in range(20)]


def test_a_held_last_frame_is_held(tmp_path):
    frames = [Image.new("RGB", (16, 16), (40 * n, 0, 0)) for n in range(4)]
    frames[0].save(
        tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=[100, 100, 100, 700], loop=0
    )
    video = Video.read(tmp_path / "a.gif")
    assert (len(video), video.fps) == (10, 10)


def test_frames_that_an_average_leaves_out_are_told(tmp_path, caplog):
    frames = [Image.new("RGB", (16, 16), (20 * n, 0, 0)) for n in range(12)]
    frames[0].save(
        tmp_path / "a.webp",
        save_all=True,
        append_images=frames[1:],
        duration=[10] * 6 + [190] * 6,
        lossless=True,
    )
    times, last = [0, 10, 20, 30, 40, 50, 60, 250, 440, 630, 820, 1010], 190
    fps, shown = constant_rate(times, last, Fraction(1, 1000), None)
    assert fps == Fraction(10) and len(set(shown)) < 12
    assert len(Video.read(tmp_path / "a.webp")) == 12


@pytest.mark.parametrize("kind", ["tif", "webp", "png"])
def test_every_page_is_a_frame(tmp_path, kind):
    pages = [Image.new("RGB", (16, 16), (40 * n, 0, 0)) for n in range(5)]
    more = {"tif": {}, "webp": {"duration": 100, "lossless": True}, "png": {"duration": 100}}[kind]
    pages[0].save(tmp_path / f"a.{kind}", save_all=True, append_images=pages[1:], **more)
    video = Video.read(tmp_path / f"a.{kind}")
    assert [round(float(frame[0].mean()) * 255) for frame in video.frames] == [0, 40, 80, 120, 160]
    assert video.fps == (8 if kind == "tif" else 10)


def test_pages_of_several_sizes_are_refused(tmp_path):
    Image.new("L", (16, 16)).save(tmp_path / "a.tif", save_all=True, append_images=[Image.new("L", (8, 8))])
    with pytest.raises(ValueError, match=r"page 1 of .* is 8x8"):
        Video.read(tmp_path / "a.tif")


def test_an_animation_is_no_frame_of_a_folder(tmp_path):
    pages = [Image.new("L", (16, 16), n) for n in range(3)]
    (tmp_path / "frames").mkdir()
    pages[0].save(tmp_path / "frames" / "0.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(ValueError, match="holds 3 pictures"):
        Video.read(tmp_path / "frames")


def test_time_that_begins_again_is_refused(tmp_path):
    one = encoded(tmp_path / "a.ts", list(range(8)), codec="mpeg2video", rate=25).read_bytes()
    (tmp_path / "joined.ts").write_bytes(one + one)
    with pytest.raises(ValueError, match=r"its time begins again after \d frames"):
        Video.read(tmp_path / "joined.ts")


@pytest.mark.parametrize(("mode", "level"), [("F", 0.5), ("I;16", 32768)])
def test_deep_pictures_keep_their_levels(tmp_path, mode, level):
    kind = np.float32 if mode == "F" else np.uint16
    Image.fromarray(np.full((16, 16), level, kind)).save(tmp_path / "a.tif")
    assert float(Video.read(tmp_path / "a.tif").frames.mean()) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("level", [-0.5, 3.0, np.nan])
def test_levels_without_a_white_are_refused(tmp_path, level):
    Image.fromarray(np.full((16, 16), level, np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match="aren't between black"):
        Video.read(tmp_path / "a.tif")


def test_colours_stay_where_they_are(tmp_path):
    y, x = np.mgrid[0:64, 0:64].astype(np.float32)
    spot = np.exp(-((x - 31.5) ** 2 + (y - 31.5) ** 2) / 50)
    frame = np.stack([0.5 + 0.3 * spot, 0.5 - 0.1 * spot, np.full_like(spot, 0.5)])
    for name in ("a.mp4", "a.webm"):
        Video.of(torch.from_numpy(frame)[None], 8).write(tmp_path / name)
        red, green, _ = Video.read(tmp_path / name).frames[0].numpy()
        off = (red - green) - np.median(red - green)
        assert abs((off * x).sum() / off.sum() - 31.5) < 0.1, name


def fields(path: Path) -> Path:
    """An interlaced film: a bar moves by four pixels from field to field."""
    with av.open(str(path), "w") as output:
        options = {"flags": "+ilme+ildct", "top": "1", "b": "8000000", "g": "4", "field_order": "tt"}
        stream = output.add_stream("mpeg2video", rate=25, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(8):
            pixels = np.full((64, 96, 3), 30, np.uint8)
            for field in (0, 1):
                left = 8 * number + 4 * field
                pixels[field::2, left : left + 24] = 220
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def test_fields_are_made_into_whole_frames(tmp_path, caplog):
    video = Video.read(fields(tmp_path / "a.mpg"))
    grey = video.frames.mean(1)
    combs = (grey[:, 1:-1] - (grey[:, :-2] + grey[:, 2:]) / 2).abs().mean((1, 2))
    assert len(video) == 8 and "is interlaced" in caplog.text
    assert float(combs[1:-1].mean()) < 0.02


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_is_tone_mapped_where_a_format_cannot_carry_it(film, tmp_path, transfer):
    def tag(stream):
        stream.color_primaries, stream.color_trc, stream.colorspace = 9, transfer, 9

    white = {16: 148, 18: 191}[transfer]  # Of 203 cd/m², which is diffuse white.
    grey = np.full((48, 64, 3), white, np.uint8)
    video = Video.read(film("hdr.mp4", [grey] * 2, pixels="yuv420p10le", prepare=tag))
    video.write(f"{tmp_path}/frames/")
    level = np.asarray(Image.open(tmp_path / "frames" / "00000.png")).mean()
    assert 225 < level < 255


def test_a_pixel_is_never_wider_than_cameras_make_them(film):
    def stretch(stream):
        stream.codec_context.sample_aspect_ratio = Fraction(40, 1)

    with pytest.raises(ValueError, match="no camera's are"):
        Video.read(film("wide.mp4", prepare=stretch))


def test_frames_and_sides_are_bounded(film, tmp_path, monkeypatch):
    path = film("a.mp4", 20)
    Image.new("L", (64, 64)).save(tmp_path / "a.png")
    monkeypatch.setattr("rescene.video.index.MOST_FRAMES", 10)
    with pytest.raises(ValueError, match="more than 10 frames"):
        Video.read(path)
    monkeypatch.setattr(limits, "MOST_SIDE", 32)
    for name in (path, tmp_path / "a.png"):
        with pytest.raises(ValueError, match=r"frames of 64x\d+ pixels"):
            Video.read(name)


def test_one_long_tick_makes_no_million_frames():
    fps, times = constant_rate([0, 1], 0, Fraction(10**6), None)
    assert len(times) == 2 and fps < 1


def test_mostly_damaged_frames_are_refused_and_a_few_repeated(film, caplog):
    path = film("a.avi", 20, codec="mjpeg", pixels="yuvj420p")
    content = bytearray(path.read_bytes())
    starts = [at for at in range(len(content) - 3) if content[at : at + 3] == b"\xff\xd8\xff"]
    lengths = [later - start - 32 for start, later in pairwise(starts)]
    content[starts[5] : starts[5] + lengths[5]] = bytes(lengths[5])
    path.write_bytes(content)
    assert len(Video.read(path)) == 20
    for start, length in list(zip(starts, lengths, strict=False))[::2]:
        content[start : start + length] = bytes(length)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="frames can't be decoded"):
        Video.read(path)


@pytest.mark.parametrize("name", ["a.mp4", "a.png", "a.json"])
def test_devices_and_pipes_are_no_files(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises((ValueError, FileNotFoundError), match=r"a device or a pipe|no such file"):
        Video.read(tmp_path / name)


@pytest.mark.parametrize(
    "content",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n",
        b"P6 8 8 255\n" + bytes(192),
        b"GIF89a" + bytes(20),
    ],
)
def test_only_named_kinds_of_pictures_are_opened(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as an image"):
        Video.read(tmp_path / "a.png")


@pytest.mark.parametrize("rate", ["9" * 5000, "9" * 400, "0", "-1", "1/0", "1e9", "2000"])
def test_a_noted_rate_that_is_none_is_refused(tmp_path, rate):
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    notes.add_text("FrameRate", rate)
    Image.new("L", (8, 8)).save(tmp_path / "a.png", pnginfo=notes)
    with pytest.raises(ValueError, match="notes a frame rate"):
        Video.read(tmp_path / "a.png")
