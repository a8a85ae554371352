from fractions import Fraction

import numpy as np
import pytest
import torch
from PIL import Image

from rescene.video import Video


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    return folder


def save(path, level, mode="RGB", size=(8, 6), **options):
    Image.new("RGB", size, (level, level, level)).convert(mode).save(path, **options)


def test_images_are_in_natural_order(folder):
    for number in (10, 9, 1, 2, 100):
        save(folder / f"frame{number}.png", number)
    (folder / "notes.txt").write_text("not a frame")
    save(folder / ".hidden.png", 200)
    levels = (Video.read(folder).frames[:, 0, 0, 0] * 255).round().int().tolist()
    assert levels == [1, 2, 9, 10, 100]


@pytest.mark.parametrize("suffix", ["png", "jpg", "JPEG", "webp", "bmp", "tif", "tiff"])
def test_every_kind_of_image(folder, suffix):
    save(folder / f"a.{suffix}", 130)
    assert Video.read(folder).frames.mean() == pytest.approx(130 / 255, abs=0.01)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1", "CMYK"])
def test_every_kind_of_pixel(folder, mode):
    name = "a.tif" if mode == "CMYK" else "a.png"
    save(folder / name, 255, mode=mode)
    assert Video.read(folder).frames.mean() == pytest.approx(1)


def test_sixteen_bits(folder):
    Image.fromarray(np.full((6, 8), 257 * 100, np.uint16)).save(folder / "a.png")
    assert Video.read(folder).frames.mean() == pytest.approx(100 / 255)


def test_transparent_pixels_show_white(folder):
    Image.new("RGBA", (8, 6), (0, 0, 0, 0)).save(folder / "a.png")
    assert Video.read(folder).frames.min() == 1


def test_photos_are_set_upright(folder):
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: turn clockwise.
    left_red = np.zeros((6, 8, 3), np.uint8)
    left_red[:, :4, 0] = 255
    Image.fromarray(left_red).save(folder / "a.png", exif=exif)
    video = Video.read(folder)
    assert (video.height, video.width) == (8, 6)
    assert video.frames[0, 0, 0].min() == 1 and video.frames[0, 0, -1].max() == 0


def test_the_rate_is_8_or_as_noted_or_as_asked(folder, tmp_path, frames):
    save(folder / "a.png", 1)
    assert Video.read(folder).fps == 8
    assert Video.read(folder, fps=12.5).fps == Fraction(25, 2)
    Video.of(frames(2), Fraction(30000, 1001)).write(tmp_path / "out")
    assert Video.read(tmp_path / "out").fps == Fraction(30000, 1001)
    assert Video.read(tmp_path / "out", fps=12).fps == 12


def test_one_image_is_a_video_of_one_frame(folder):
    save(folder / "a.jpg", 9)
    assert len(Video.read(folder / "a.jpg")) == 1


def test_long_folders_are_read_frame_by_frame(folder, monkeypatch):
    for number in range(6):
        save(folder / f"{number}.png", 10 * number)
    held = Video.read(folder).frames
    monkeypatch.setattr("rescene.video.read._IN_MEMORY", 0)
    assert torch.equal(torch.cat(list(Video.read(folder).chunks(4))), held)


def test_frames_of_different_sizes_are_refused(folder):
    save(folder / "1.png", 1)
    save(folder / "2.png", 1, size=(9, 6))
    with pytest.raises(ValueError, match=r"2.png is 9x6 but 1.png is 8x6"):
        Video.read(folder)


def test_empty_folders_are_refused(folder):
    with pytest.raises(ValueError, match="has no images in it"):
        Video.read(folder)


def test_broken_images_are_named(folder):
    (folder / "1.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"1.png cannot be read as an image"):
        Video.read(folder)
