from fractions import Fraction

import pytest
import torch

from rescene.video import TensorClip, Video


@pytest.fixture
def video(frames):
    return Video.of(frames(20), 10)


def test_eight_bits_stay_eight_bits(frames):
    pixels = frames()
    video = Video.of(pixels, 10)
    assert isinstance(video.clip, TensorClip) and video.clip.pixels is pixels
    assert torch.equal(video.frames, pixels / 255)


@pytest.mark.parametrize("wrong", [-1.0, 2.0, float("nan")])
def test_floats_outside_the_unit_interval_are_refused(frames, wrong):
    pixels = frames() / 255
    pixels[1, 2, 3, 4] = wrong
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        Video.of(pixels, 10)


def test_no_frames_and_no_rate_are_refused(frames):
    with pytest.raises(ValueError, match="at least one frame"):
        Video.of(frames()[:0], 10)
    with pytest.raises(ValueError, match="frame rate above 0"):
        Video.of(frames(), 0)


def test_chunks_are_the_frames(video):
    assert [len(chunk) for chunk in video.chunks(8)] == [8, 8, 4]
    assert torch.equal(torch.cat(list(video.chunks(8))), video.frames)


def test_repr_tells_what_it_is(video):
    assert repr(video) == "Video(20 frames of 64x48 at 10 fps)"


@pytest.mark.parametrize(
    "cut", [slice(3, 9), slice(-5, None), slice(None, None, 3), slice(2, 15, 4), slice(None)], ids=str
)
def test_slices_are_those_of_the_frames(video, cut):
    part = video[cut]
    assert torch.equal(part.frames, video.frames[cut])
    assert part.fps == Fraction(10, cut.step or 1)
    assert torch.equal(part[1:3].frames, video.frames[cut][1:3])


def test_wrong_slices(video):
    with pytest.raises(TypeError):
        video[3]
    with pytest.raises(ValueError, match="backwards"):
        video[::-1]
    with pytest.raises(ValueError, match="no frames from 20"):
        video[20:]


def test_resize_keeps_the_aspect_ratio_where_one_side_is_given(video):
    assert (video.resize(24).height, video.resize(24).width) == (24, 32)
    assert (video.resize(width=96).height, video.resize(width=96).width) == (72, 96)
    with pytest.raises(ValueError, match="height, a width, or both"):
        video.resize()


def test_resize_to_the_same_size_changes_nothing(video):
    assert video.resize(48, 64) is video


def test_resize_there_and_back(video, psnr):
    assert psnr(video.resize(96, 128).resize(48, 64).frames, video.frames) > 45


def test_shrinking_averages(frames):
    stripes = torch.zeros(1, 3, 48, 64)
    stripes[..., ::2] = 1
    shrunk = Video.of(stripes, 10).resize(12, 16).frames
    assert shrunk[..., 4:-4].sub(0.5).abs().max() < 0.05


def test_resized_values_stay_in_range():
    edge = torch.zeros(1, 3, 8, 8)
    edge[..., 4:] = 1
    enlarged = Video.of(edge, 10).resize(32, 32).frames
    assert enlarged.min() >= 0 and enlarged.max() <= 1


def test_crop(video):
    assert torch.equal(video.crop(20, 30, top=5, left=7).frames, video.frames[..., 5:25, 7:37])
    assert torch.equal(video.crop(20, 30).frames, video.frames[..., 14:34, 17:47])
    with pytest.raises(ValueError, match="leaves a frame of 64x48"):
        video.crop(20, 30, top=40)


@pytest.mark.parametrize(
    ("size", "scaled"), [((24, 64), (48, 64)), ((96, 64), (96, 128)), ((48, 64), (48, 64))]
)
def test_cover_keeps_the_aspect_ratio_and_the_middle(video, size, scaled):
    assert torch.equal(video.cover(*size).frames, video.resize(*scaled).crop(*size).frames)


def test_crop_undoes_pad(video):
    padded = video.pad(51, 80)
    assert (padded.height, padded.width) == (51, 80)
    assert torch.equal(padded.crop(48, 64).frames, video.frames)
    assert torch.equal(padded.frames[..., :1, 8:-8], video.frames[..., :1, :])
    with pytest.raises(ValueError, match="smaller"):
        video.pad(40, 80)
