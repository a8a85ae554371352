"""Depth by a tiny random DPT."""

import pytest
import torch

from rescene import Depth, Video
from tests.tiny import tiny_dpt


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_dpt(tmp_path_factory.mktemp("models") / "dpt"))


@pytest.fixture
def video() -> Video:
    frames = torch.rand(3, 3, 40, 64, generator=torch.Generator().manual_seed(0))
    return Video.of(frames * torch.tensor([0.2, 0.6, 1.0])[:, None, None, None], 8)


def test_maps_are_grey_and_of_the_videos_size_and_length(folder, video):
    depth = Depth(model=folder)(video)
    assert depth.frames.shape == video.frames.shape
    assert torch.equal(depth.frames[:, 0], depth.frames[:, 1])
    assert depth.fps == video.fps


def test_they_are_scaled_over_the_clip_not_frame_by_frame(folder, video):
    whole = Depth(model=folder)(video).frames
    assert (whole.amin(), whole.amax()) == (0, 1)
    assert any(frame.amin() > 0 or frame.amax() < 1 for frame in whole)
    alone = Depth(model=folder)(video[1:2]).frames
    assert (alone.amin(), alone.amax()) == (0, 1)
    assert not torch.equal(alone, whole[1:2])


def test_a_clip_without_depth_is_black(folder):
    flat = Depth(model=folder)
    object.__setattr__(flat, "_estimate", lambda frames: torch.full((1, 8, 8), 3.0))
    assert not flat(Video.of(torch.rand(2, 3, 8, 8), 8)).frames.any()


def test_a_model_that_isnt_there_is_named(tmp_path, video):
    with pytest.raises(FileNotFoundError, match="the depth model"):
        Depth(model=str(tmp_path / "nothing"))(video)
