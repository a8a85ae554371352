from fractions import Fraction

import av
import numpy as np
import pytest
import torch

from rescene.video import Video
from rescene.video.colour import over_white


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mov", "libx264", "yuv444p"),
        ("a.mkv", "ffv1", "bgr0"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.avi", "mpeg4", "yuv420p"),
        ("h264.avi", "libx264", "yuv420p"),
        ("motion.avi", "mjpeg", "yuvj420p"),
        ("a.ts", "libx264", "yuv420p"),
        ("deep.mp4", "libx264", "yuv420p10le"),
        ("a.gif", "gif", "rgb8"),
    ],
)
def test_every_frame_of_every_format_is_read_in_order(film, number_of, name, codec, pixels):
    options = {"bf": "2", "b": "4000000"} if codec == "mpeg4" else {}
    video = Video.read(film(name, 20, codec=codec, pixels=pixels, options=options))
    assert (len(video), video.height, video.width, video.fps) == (20, 48, 64, 10)
    tolerance = 4 if codec == "gif" else 0  # Eight levels of red are all that rgb8 has.
    assert number_of(video.frames) == pytest.approx(range(20), abs=tolerance)


@pytest.mark.parametrize("fps", [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(25), Fraction(7, 2)])
@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.mkv"])
def test_frame_rate_is_exact(film, name, fps):
    codec = "libvpx-vp9" if name == "a.webm" else "libx264"
    assert Video.read(film(name, 5, codec=codec, fps=fps)).fps == fps


def test_variable_rate_becomes_constant_and_lasts_as_long(film, number_of):
    times = [0, 100, 200, 300, 400, 800, 1200, 1600, 1700, 1800]
    video = Video.read(film("vfr.mkv", 10, codec="ffv1", pixels="bgr0", fps=10, times=times))
    assert abs(video.duration - Fraction(19, 10)) < Fraction(1, 10)
    middle = [(n + 0.25) / video.fps * 1000 for n in range(len(video))]
    shown = [times[n] for n in number_of(video.frames)]
    assert all(abs(time - seen) <= 250 for time, seen in zip(middle, shown, strict=True))


def test_long_videos_are_decoded_when_read_and_look_the_same(film, monkeypatch):
    path = film("a.mp4", 40, options={"g": "7", "bf": "2"})
    held = Video.read(path).frames
    monkeypatch.setattr("rescene.video.read._IN_MEMORY", 0)
    lazy = Video.read(path)
    assert torch.equal(torch.cat(list(lazy.chunks(7))), held)
    for start, stop in [(30, 33), (5, 9), (0, 1), (39, 40), (14, 22)]:
        assert torch.equal(lazy.clip.read(start, stop), held[start:stop])


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_is_applied(film, degrees):
    plain = Video.read(film("plain.mp4")).frames
    turned = Video.read(film("turned.mp4", prepare=lambda stream: stream.set_display_rotation(degrees)))
    expected = torch.rot90(plain, degrees // 90, dims=(-2, -1))  # Both count anticlockwise.
    assert (turned.height, turned.width) == tuple(expected.shape[-2:])
    assert torch.equal(turned.frames, expected)


def test_mirrored_video_is_set_right(film):
    plain = Video.read(film("plain.mp4")).frames
    mirrored = film("mirrored.mp4", prepare=lambda stream: stream.set_display_rotation(0, hflip=True))
    assert torch.equal(Video.read(mirrored).frames, plain.flip(-1))


def test_pixels_become_square(film):
    def stretch(stream):
        stream.codec_context.sample_aspect_ratio = Fraction(3, 2)

    assert Video.read(film("wide.mp4", prepare=stretch)).width == 96


@pytest.mark.parametrize(
    ("name", "codec", "pixels"), [("a.webm", "libvpx-vp9", "yuva420p"), ("a.mkv", "ffv1", "bgra")]
)
def test_transparent_pixels_show_white(film, name, codec, pixels):
    picture = np.zeros((48, 64, 4), np.uint8)
    picture[:, 32:] = (255, 0, 0, 255)
    shown = Video.read(film(name, [picture] * 3, codec=codec, pixels=pixels)).frames[1]
    assert shown[:, 24, 8].tolist() == pytest.approx([1, 1, 1], abs=0.03)
    assert shown[:, 24, 56].tolist() == pytest.approx([1, 0, 0], abs=0.03)


def test_over_white_is_exact_at_both_ends():
    pixels = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [0, 0, 0, 128]]], np.uint8)
    assert over_white(pixels).tolist() == [[[10, 20, 30], [255, 255, 255], [127, 127, 127]]]


@pytest.mark.parametrize("limited", [True, False])
@pytest.mark.parametrize("matrix", [1, 5, 9])
def test_colours_are_those_that_went_in(film, matrix, limited):
    bars = np.zeros((48, 64, 3), np.uint8)
    for number, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255), (30, 130, 230)]):
        bars[:, 16 * number : 16 * (number + 1)] = colour

    def tag(stream):
        stream.colorspace, stream.color_range = matrix, 1 if limited else 2

    shown = Video.read(film("bars.mp4", [bars] * 3, pixels="yuv444p", options={"crf": "1"}, prepare=tag))
    seen = (shown.frames[1, :, 24, 8::16] * 255).T
    assert torch.allclose(seen, torch.from_numpy(bars[24, 8::16]).float(), atol=3)


@pytest.mark.parametrize(("height", "weights"), [(48, (0.299, 0.114)), (720, (0.2126, 0.0722))])
def test_untagged_colours_follow_the_size(film, height, weights):
    red, blue = weights
    luma = 16 + 219 * red  # Of pure red under the expected matrix, in limited range.
    plane = np.full((height * 3 // 2, 64), 128, np.uint8)
    plane[:height] = round(luma)
    plane[height : height * 5 // 4] = round(128 - 112 * red / (1 - blue))
    plane[height * 5 // 4 :] = 240
    with av.open(str(path := film("x.mp4").with_name("untagged.mkv")), "w") as output:
        stream = output.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, height, "yuv420p"
        output.mux(stream.encode(av.VideoFrame.from_ndarray(plane, format="yuv420p")))
        output.mux(stream.encode(None))
    shown = Video.read(path).frames[0, :, height // 2, 32]
    assert shown.tolist() == pytest.approx([1, 0, 0], abs=0.02)


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        ({"start": 3}, range(3, 20)),
        ({"start": "3"}, range(3, 20)),
        ({"start": 0.5}, range(5, 20)),
        ({"start": "0.5"}, range(5, 20)),
        ({"start": "1s", "end": "00:00:01.5"}, range(10, 15)),
        ({"end": 4}, range(4)),
        ({"end": 100}, range(20)),
        ({"frames": 6, "every": 3}, range(0, 18, 3)),
        ({"start": 2, "end": 9, "every": 2}, range(2, 9, 2)),
        ({"start": 15, "frames": 50}, range(15, 20)),
    ],
)
def test_cuts(film, number_of, cut, expected):
    video = Video.read(film("a.mp4", 20), **cut)
    assert number_of(video.frames) == list(expected)
    assert video.fps == Fraction(10, expected.step)


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        ({"start": 20}, "start 20 is beyond the end"),
        ({"start": "1:00"}, "start 1:00 is beyond the end"),
        ({"start": 5, "end": 5}, "end 5 is not after start 5"),
        ({"start": -1}, "cannot be negative"),
        ({"start": "soon"}, "'soon' is no position"),
        ({"frames": 0}, "frames must be at least 1, not 0"),
        ({"every": -2}, "every must be at least 1, not -2"),
        ({"fps": 12}, "has a frame rate of its own"),
    ],
)
def test_wrong_cuts(film, cut, message):
    with pytest.raises(ValueError, match=message):
        Video.read(film("a.mp4", 20), **cut)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        Video.read(tmp_path / "nothing.mp4")


def test_network_addresses_are_not_opened():
    with pytest.raises(FileNotFoundError):
        Video.read("http://127.0.0.1:9/clip.mp4")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.mp4", b"", r"is empty \(0 bytes\)"),
        ("text.mp4", b"this is no video\n" * 50, "cannot be read as a video"),
        ("text.txt", b"this is no video\n" * 50, "cannot be read as a video"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n", "cannot be read as a video"),
        ("list.ffconcat", b"ffconcat version 1.0\nfile other.mp4\n", "cannot be read as a video"),
    ],
)
def test_files_that_are_no_videos(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        Video.read(tmp_path / name)


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as output:
        track = output.add_stream("aac", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48000
        output.mux(track.encode(frame))
        output.mux(track.encode(None))
    with pytest.raises(ValueError, match="has no video stream"):
        Video.read(path)


def test_a_file_without_its_index_is_refused(film):
    path = film("a.mp4")
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(ValueError, match="cut short before its index"):
        Video.read(path)


def test_a_file_that_ends_early_gives_what_is_there(film, number_of, caplog):
    path = film("whole.mp4", 40, options={"g": "5", "bf": "0", "crf": "1"})
    short = path.with_name("short.mp4")
    Video.read(path).write(short, source_type=None)
    content = short.read_bytes()
    short.write_bytes(content[: len(content) * 4 // 5])
    video = Video.read(short)
    assert 5 < len(video) < 40
    assert "ends early" in caplog.text
    assert number_of(video.frames[:-3]) == list(range(len(video) - 3))


def test_a_file_of_one_frame(film):
    video = Video.read(film("one.mp4", 1))
    assert (len(video), video.fps) == (1, 10)
