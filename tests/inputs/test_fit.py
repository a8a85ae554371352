import pytest
import torch

from rescene.inputs import Fit, Grid
from rescene.video import Video

NATIVE = 512 * 512


def blank(height, width):
    return Video.of(torch.zeros(1, 3, height, width, dtype=torch.uint8), 10)


@pytest.mark.parametrize("stride", [8, 16, 64])
@pytest.mark.parametrize(
    ("height", "width"),
    [(720, 1280), (1280, 720), (480, 480), (512, 512), (1080, 1920), (101, 333), (48, 64)],
)
def test_the_working_size_suits_the_model_and_the_picture(height, width, stride):
    fit = Fit.to(blank(height, width), area=NATIVE, grid=Grid(8, stride=stride))
    assert all(side % stride == 0 for side in fit.size)
    assert all(0 <= side - part < stride for side, part in zip(fit.size, fit.content, strict=True))
    assert abs(fit.content[0] / fit.content[1] / (height / width) - 1) < 0.01
    assert abs(fit.content[0] * fit.content[1] / NATIVE - 1) < 2.5 * stride / 512


def test_a_size_that_suits_already_is_kept():
    video = blank(512, 512)
    assert Fit.to(video, area=NATIVE, grid=Grid(8, stride=8)).apply(video) is video


@pytest.mark.parametrize("size", [None, (64, 64), (32, 128)])
@pytest.mark.parametrize(("height", "width"), [(48, 64), (49, 65), (90, 33)])
def test_restore_undoes_apply(frames, psnr, height, width, size):
    video = Video.of(frames(2, height, width), 10)
    fit = Fit.to(video, area=96 * 96, grid=Grid(8, stride=8), size=size)
    fitted = fit.apply(video)
    assert (fitted.height, fitted.width) == fit.size == (size or fit.size)
    restored = fit.restore(fitted)
    assert (restored.height, restored.width) == (height, width)
    assert psnr(restored.frames, video.frames) > (30 if size else 40)


def test_a_wrong_size_names_the_nearest_right_one():
    with pytest.raises(
        ValueError, match=r"500 x 300 .* not a multiple of 8; the nearest that is one is 496 x 304"
    ):
        Fit.to(blank(48, 64), area=NATIVE, grid=Grid(8, stride=8), size=(500, 300))


def test_videos_of_another_size_are_refused():
    fit = Fit.to(blank(48, 64), area=NATIVE, grid=Grid(8, stride=8))
    with pytest.raises(ValueError, match="this fit is for videos of 64x48"):
        fit.apply(blank(64, 48))
    with pytest.raises(ValueError, match="this one is 64x48"):
        fit.restore(blank(48, 64))


@pytest.mark.parametrize(("count", "working"), [(1, 1), (4, 5), (5, 5), (7, 9)])
def test_a_clip_is_lengthened_to_whole_latents_and_cut_again(frames, count, working):
    video = Video.of(frames(count, 16, 16), 10)
    fit = Fit.to(video, area=256, grid=Grid(8, 4, stride=8))
    fitted = fit.apply(video)
    assert len(fitted) == working
    assert all(torch.equal(frame, video.frames[-1]) for frame in fitted.frames[count:])
    assert torch.equal(fit.restore(fitted).frames, video.frames)


def test_a_video_at_its_own_size_is_only_padded(frames):
    video = Video.of(frames(2, 50, 70), 10)
    fit = Fit.whole(video, grid=Grid(8, stride=64))
    assert (fit.content, fit.size) == ((50, 70), (64, 128))
    assert torch.equal(fit.restore(fit.apply(video)).frames, video.frames)


def test_what_accompanies_the_source_must_have_its_shape(frames):
    fit = Fit.to(Video.of(frames(2, 48, 64), 10), area=96 * 96, grid=Grid(8))
    assert (followed := fit.follow(Video.of(frames(2, 96, 128), 10))).height == fit.size[0]
    assert followed.width == fit.size[1]
    with pytest.raises(ValueError, match="of another shape"):
        fit.follow(Video.of(frames(2, 64, 64), 10))
