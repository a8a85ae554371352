import pytest
import torch

from rescene.video import Video
from rescene.video.label import Labelled


@pytest.mark.parametrize("level", [0.0, 1.0])
@pytest.mark.parametrize(("height", "width"), [(256, 256), (720, 1280), (64, 200)])
def test_letters_stand_out_on_any_ground(height, width, level):
    video = Video.of(torch.full((1, 3, height, width), level), 10)
    frame = Labelled(video.clip, "AI edited").read(0, 1)[0]
    corner = frame[0, -height // 4 :, -width // 2 :]
    assert corner.max() > 0.9 and corner.min() <= 0.45
    assert torch.equal(frame[:, : height // 2], video.frames[0, :, : height // 2])
    assert torch.equal(frame[..., : width // 3], video.frames[0, ..., : width // 3])


@pytest.mark.parametrize(
    "text", ["AI", "a text far too long for a frame as narrow as this one", "zwei\nZeilen", "é"]
)
@pytest.mark.parametrize(("height", "width"), [(48, 64), (1, 1), (9, 3), (7, 300)])
def test_any_text_fits_any_frame(frames, text, height, width):
    labelled = Labelled(Video.of(frames(2, height, width), 10).clip, text)
    assert labelled.read(0, 2).shape == (2, 3, height, width)


def test_the_clip_itself_stays_as_it_was():
    pixels = torch.rand(1, 3, 64, 64)
    before = pixels.clone()
    Labelled(Video.of(pixels, 10).clip, "AI").read(0, 1)
    assert torch.equal(pixels, before)


def test_a_blank_label_is_refused(tmp_path, frames):
    with pytest.raises(ValueError, match="shows nothing"):
        Video.of(frames(), 10).write(tmp_path / "a.mp4", label=" ")


def test_written_videos_carry_the_label(tmp_path, frames):
    video = Video.of(frames(3, 96, 128), 10)
    video.write(tmp_path / "a.mkv", label="AI edited")
    assert torch.equal(
        Video.read(tmp_path / "a.mkv").frames,
        Labelled(video.clip, "AI edited").read(0, 3).mul(255).round() / 255,
    )
