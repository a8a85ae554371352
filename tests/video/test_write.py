import errno
import os
import shutil
from dataclasses import dataclass, field, replace
from fractions import Fraction

import av
import pytest
import torch

from rescene.video import DiskFullError, Video

FORMATS = [("a.mp4", 40), ("a.mov", 40), ("a.webm", 40), ("a.mkv", 100), ("a.gif", 30), ("frames", 100)]


@dataclass(eq=False)
class Counting:
    """A clip that notes what is read of it, and may fail."""

    pixels: torch.Tensor
    fail_at: int | None = None
    error: BaseException = field(default_factory=RuntimeError)
    reads: list[tuple[int, int]] = field(default_factory=list)

    @property
    def height(self):
        return self.pixels.shape[-2]

    @property
    def width(self):
        return self.pixels.shape[-1]

    def __len__(self):
        return len(self.pixels)

    def read(self, start, stop):
        self.reads.append((start, stop))
        if self.fail_at is not None and stop > self.fail_at:
            raise self.error
        return self.pixels[start:stop].float() / 255


@pytest.mark.parametrize("fps", [Fraction(10), Fraction(30000, 1001)])
@pytest.mark.parametrize(("name", "least"), FORMATS)
def test_what_is_written_is_read_back(tmp_path, frames, psnr, name, least, fps):
    video = Video.of(frames(12), fps)
    video.write(tmp_path / name)
    back = Video.read(tmp_path / name)
    assert (len(back), back.height, back.width) == (12, 48, 64)
    assert psnr(back.frames, video.frames) > least
    if name != "a.gif" or fps == 10:  # A GIF counts in hundredths of a second.
        assert back.fps == fps
    assert float(back.duration) == pytest.approx(float(video.duration), abs=0.011)


@pytest.mark.parametrize(("name", "least"), FORMATS)
@pytest.mark.parametrize(("height", "width"), [(49, 65), (48, 65), (33, 64), (3, 5)])
def test_odd_sizes_are_kept(tmp_path, frames, psnr, name, least, height, width):
    video = Video.of(frames(3, height, width), 10)
    video.write(tmp_path / name)
    back = Video.read(tmp_path / name)
    assert (back.height, back.width) == (height, width)
    assert psnr(back.frames, video.frames) > (least if min(height, width) > 8 else 20)


@pytest.mark.parametrize(("name", "least"), FORMATS)
def test_one_frame(tmp_path, frames, psnr, name, least):
    video = Video.of(frames(1), 24)
    video.write(tmp_path / name)
    back = Video.read(tmp_path / name)
    assert len(back) == 1
    assert psnr(back.frames, video.frames) > least
    assert float(back.fps) == pytest.approx(24, rel=0.05)


@pytest.mark.parametrize("name", ["a.mkv", "frames"])
def test_lossless_formats_keep_every_bit(tmp_path, name):
    noise = torch.randint(0, 256, (3, 3, 17, 19), dtype=torch.uint8, generator=torch.manual_seed(0))
    Video.of(noise, 10).write(tmp_path / name)
    assert torch.equal(Video.read(tmp_path / name).frames, noise / 255)


def test_mp4_is_tagged_and_ready_for_streaming(tmp_path, frames):
    path = tmp_path / "a.mp4"
    Video.of(frames(), 10).write(path)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        tags = (stream.colorspace, stream.color_primaries, stream.color_trc, stream.color_range)
        assert tags == (1, 1, 1, 1)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_colour_tags_pass_through(film, tmp_path):
    def tag(stream):
        stream.color_primaries, stream.color_trc, stream.colorspace = 9, 18, 9  # BT.2020, HLG

    video = Video.read(film("hlg.mp4", pixels="yuv420p10le", prepare=tag))
    video.write(tmp_path / "a.mp4")
    assert Video.read(tmp_path / "a.mp4").colour == video.colour
    assert (video.colour.primaries, video.colour.transfer) == (9, 18)


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mkv", ".gif", "/"])
def test_equal_frames_give_equal_files(tmp_path, frames, suffix):
    contents = set()
    for number in range(3):
        Video.of(frames(), 10).write(f"{tmp_path}/{number}{suffix}")
        files = [tmp_path / f"{number}{suffix}"] if suffix != "/" else (tmp_path / str(number)).iterdir()
        contents.add(b"".join(file.read_bytes() for file in sorted(files)))
    assert len(contents) == 1


@pytest.mark.parametrize("name", [name for name, _ in FORMATS])
def test_each_frame_is_pulled_once_and_in_order(tmp_path, frames, name):
    clip = Counting(frames(40))
    Video(clip, Fraction(10)).write(tmp_path / name)
    assert [frame for run in clip.reads for frame in range(*run)] == list(range(40))
    assert max(stop - start for start, stop in clip.reads) <= 16


@pytest.mark.parametrize("name", [name for name, _ in FORMATS])
@pytest.mark.parametrize("error", [RuntimeError(), KeyboardInterrupt()], ids=["error", "ctrl-c"])
def test_nothing_is_left_of_a_failed_write(tmp_path, frames, name, error):
    with pytest.raises(type(error)):
        Video(Counting(frames(40), fail_at=20, error=error), Fraction(10)).write(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [name for name, _ in FORMATS])
def test_a_failed_write_leaves_the_earlier_result(tmp_path, frames, name):
    Video.of(frames(5), 10).write(tmp_path / name)
    with pytest.raises(RuntimeError):
        Video(Counting(frames(40), fail_at=20), Fraction(10)).write(tmp_path / name, overwrite=True)
    assert len(Video.read(tmp_path / name)) == 5
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", [name for name, _ in FORMATS])
def test_an_existing_result_is_replaced_only_on_request(tmp_path, frames, name):
    clip = Counting(frames(3))
    Video.of(frames(5), 10).write(tmp_path / name)
    with pytest.raises(FileExistsError, match="--overwrite"):
        Video(clip, Fraction(10)).write(tmp_path / name)
    assert clip.reads == []
    Video(clip, Fraction(10)).write(tmp_path / name, overwrite=True)
    assert len(Video.read(tmp_path / name)) == 3
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_video_can_replace_its_own_source(film, number_of, monkeypatch):
    path = film("a.mp4", 12, beep=0.5)
    monkeypatch.setattr("rescene.video.read._IN_MEMORY", 0)
    Video.read(path, start=4).write(path, overwrite=True)
    assert number_of(Video.read(path).frames) == list(range(4, 12))


def test_a_folder_with_other_things_in_it_is_not_replaced(tmp_path, frames):
    Video.of(frames(2), 10).write(tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("keep me")
    with pytest.raises(FileExistsError, match=r"holds more than frames \(notes.txt\)"):
        Video.of(frames(2), 10).write(tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "notes.txt").exists()


def test_folders_and_files_do_not_replace_each_other(tmp_path, frames):
    (tmp_path / "a.mp4").mkdir()
    (tmp_path / "b").write_text("a file")
    for name in ("a.mp4", "b/"):
        with pytest.raises(FileExistsError):
            Video.of(frames(2), 10).write(f"{tmp_path}/{name}", overwrite=True)


def test_names_are_not_taken_for_addresses(tmp_path, frames, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("http:a.mp4", "b%03d.gif", "c d'é.webm"):
        Video.of(frames(2), 10).write(name)
        assert len(Video.read(name)) == 2


def test_missing_parent_folders_are_made(tmp_path, frames):
    Video.of(frames(2), 10).write(tmp_path / "new" / "folder" / "a.mp4")
    assert (tmp_path / "new" / "folder" / "a.mp4").is_file()


def test_a_slash_makes_a_folder_whatever_the_name(tmp_path, frames):
    Video.of(frames(2), 10).write(f"{tmp_path}/take.2/")
    assert sorted(os.listdir(tmp_path / "take.2")) == ["00000.png", "00001.png"]


@pytest.mark.parametrize("name", ["a.wmv", "a.txt", "a.2"])
def test_unknown_suffix(tmp_path, frames, name):
    with pytest.raises(ValueError, match=r"suffix that cannot be written; use one of \.mp4"):
        Video.of(frames(2), 10).write(tmp_path / name)


def test_too_little_room_is_noticed_before_any_frame_is_made(tmp_path, frames, monkeypatch):
    nearly_full = shutil.disk_usage(tmp_path)._replace(free=1 << 10)
    monkeypatch.setattr("shutil.disk_usage", lambda path: nearly_full)
    clip = Counting(frames(3))
    with pytest.raises(DiskFullError, match="no room on the disk"):
        Video(clip, Fraction(10)).write(tmp_path / "a.mp4")
    assert clip.reads == []


def test_a_disk_that_fills_up_is_named(tmp_path, frames):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(DiskFullError, match="it filled up while writing"):
        Video(Counting(frames(40), fail_at=20, error=full), Fraction(10)).write(tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


def test_values_that_are_no_numbers_are_refused(tmp_path, frames):
    pixels = frames(4) / 255
    video = Video.of(pixels, 10)
    pixels[2, 0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match=r"frames 0 to 3 hold values that are no numbers"):
        video.write(tmp_path / "a.mp4")


def test_a_fast_gif_leaves_frames_out(tmp_path, frames):
    Video.of(frames(12), 100).write(tmp_path / "a.gif")
    back = Video.read(tmp_path / "a.gif")
    assert (len(back), back.fps) == (6, 50)


def test_the_source_is_not_needed_without_its_sound(film, tmp_path, frames):
    path = film("a.mp4", beep=0.5)
    video = Video.read(path)
    path.unlink()
    replace(video, audio=None).write(tmp_path / "b.mp4")
    with pytest.raises(FileNotFoundError):
        video.write(tmp_path / "c.mp4")
