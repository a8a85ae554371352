import pytest
import torch

from rescene.inputs.marks import Marks
from rescene.masks.difference import changed
from rescene.masks.tracking import ByFlow, tracked
from rescene.video import Video

GREY = Video.of(torch.full((2, 3, 60, 80), 0.5), 8)


def edited(noise: float = 0.0) -> torch.Tensor:
    """The first frame with a red patch, and noise everywhere."""
    frame = GREY.frames[:1].clone()
    frame[:, 0, 20:40, 30:60] = 1
    return (frame + noise * (torch.rand(frame.shape) - 0.5)).clamp(0, 1)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_what_an_edited_frame_changed_is_outlined(noise):
    (polygon,) = changed(GREY, {0: edited(noise)})
    mask = tracked(GREY[:1], Marks(polygons=(polygon,)), ByFlow()).frames[0, 0] > 0.5
    assert mask[21:39, 31:59].all()
    outside = mask.clone()
    outside[17:43, 27:63] = False
    assert not outside.any()


def test_a_frame_that_changes_nothing_is_told():
    with pytest.raises(ValueError, match="edited frame 1 differs nowhere"):
        changed(GREY, {0: edited(), 1: GREY.frames[:1]})
