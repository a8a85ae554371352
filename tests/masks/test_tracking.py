"""Marks carried through clips of which the true mask is known."""

import warnings

import cv2
import numpy as np
import pytest
import torch

from rescene.inputs.marks import Box, Marks, Point, Polygon
from rescene.masks.outlining import iou
from rescene.masks.tracking import ByFlow, spans, told, tracked
from rescene.video import Video
from rescene.world import Motion, Scene

PATH = Motion(start=(0.3, 0.5), end=(0.7, 0.55), scale=(0.4, 0.4))


def rendered(thing: str, frames: int, *, background: str = "forest") -> tuple[Video, torch.Tensor]:
    clip = Scene(object=thing, background=background, motion=PATH, seed=3).render(frames, 96)
    return Video.of(clip.frames, 8), clip.mask[:, 0] > 0.5


def box(area: torch.Tensor, at: int = 0) -> Box:
    """The box around an area, two pixels larger on each side."""
    rows, columns = area.any(1).nonzero(), area.any(0).nonzero()
    left, top = int(columns[0]) - 2, int(rows[0]) - 2
    return Box(x=left, y=top, width=int(columns[-1]) + 3 - left, height=int(rows[-1]) + 3 - top, at=at)


def areas(video: Video, marks: Marks) -> torch.Tensor:
    return tracked(video, marks, ByFlow()).frames[:, 0] > 0.5


def overlaps(found: torch.Tensor, true: torch.Tensor) -> list[float]:
    return [iou(a, b) for a, b in zip(found.numpy(), true.numpy(), strict=True)]


def test_a_box_on_any_frame_masks_the_object_in_all():
    video, true = rendered("penguin", 6)
    for at in (0, 3):
        found = areas(video, Marks(boxes=(box(true[at], at),)))
        assert min(overlaps(found, true)) > 0.9


def test_an_outline_is_taken_as_it_is_and_carried():
    video, true = rendered("apple", 6)
    (contour,), _ = cv2.findContours(true[0].byte().numpy(), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    corners = tuple((int(x), int(y)) for x, y in contour[:, 0])
    found = areas(video, Marks(polygons=(Polygon(corners=corners),)))
    assert min(overlaps(found, true)) > 0.9


def test_points_say_what_of_a_box_belongs_to_the_object():
    frame = torch.full((1, 3, 90, 90), 0.2)
    frame[:, 0, 20:70, 20:45] = 0.9
    frame[:, 2, 20:70, 45:70] = 0.9
    video, around = Video.of(frame, 8), Box(x=15, y=15, width=60, height=60)
    both = areas(video, Marks(boxes=(around,)))[0]
    red = areas(video, Marks(boxes=(around,), points=(Point(x=57, y=45, inside=False),)))[0]
    alone = areas(video, Marks(points=(Point(x=30, y=45),)))[0]
    assert both[25:65, 50:65].all()
    for found in (red, alone):
        assert found[25:65, 25:40].all()
        assert not found[25:65, 50:65].any()


def test_after_a_cut_the_mask_is_empty_and_that_is_told():
    video, true = rendered("car", 8)
    other, _ = rendered("castle", 2, background="night sky")
    joined = Video.of(torch.cat([video.frames[:3], other.frames, video.frames[3:4]]), 8)
    mask = tracked(joined, Marks(boxes=(box(true[0]),)), ByFlow())
    with pytest.warns(match=r"carried by OpenCV .* may be wrong in frame 3 \(a cut, or too fast a motion\)"):
        found = mask.frames[:, 0] > 0.5
    assert not found[3:5].any()
    assert iou(found[5].numpy(), true[3].numpy()) > 0.8, "it is found again after the cut"


def test_what_is_hidden_is_told():
    video, true = rendered("penguin", 10)
    frames = video.frames.clone()
    frames[..., 45:60] = torch.tensor([0.3, 0.1, 0.5])[:, None, None]
    mask = tracked(Video.of(frames, 8), Marks(boxes=(box(true[0]),)), ByFlow())
    with pytest.warns(match="partly hidden|isn't seen|disagree"):
        found = mask.frames[:, 0] > 0.5
    hidden = found[5, :, 47:58]
    assert hidden.float().mean() < 0.2, "what hides the object isn't masked"


@pytest.mark.filterwarnings("ignore:the mask, carried by")
def test_a_second_mark_takes_over_halfway():
    assert [list(each) for _, *both in spans([2, 7], 10) for each in both] == [
        [1, 0],
        [3, 4],
        [6, 5],
        [8, 9],
    ]
    video, true = rendered("heart", 6)
    small = Polygon(corners=((1, 1), (6, 1), (6, 6)), at=5)
    found = areas(video, Marks(boxes=(box(true[0]),), polygons=(small,)))
    assert overlaps(found[:2], true[:2])[1] > 0.9
    assert found[5].nonzero().max() < 8


def test_the_size_of_the_video_doesnt_matter():
    video, true = rendered("apple", 2)
    for height, width in ((97, 131), (400, 700)):
        scaled = video.resize(height, width)
        areas_there = torch.nn.functional.interpolate(true[:, None].float(), (height, width))[:, 0] > 0.5
        found = areas(scaled, Marks(boxes=(box(areas_there[0]),)))
        assert found.shape == (2, height, width)
        assert min(overlaps(found, areas_there)) > 0.9


def test_the_same_marks_give_the_same_mask_and_doubtless_ones_no_warning():
    video, true = rendered("penguin", 8)
    video, true = video[:3], true[:3]
    marks = Marks(boxes=(box(true[0]),))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(areas(video, marks), areas(video, marks))


@pytest.mark.parametrize(
    ("marks", "says"),
    [
        (
            Marks(boxes=(Box(x=60, y=0, width=40, height=8),)),
            r"box reaches to \(99, 7\), outside the picture of 96x96",
        ),
        (Marks(boxes=(Box(x=-1, y=0, width=40, height=8),)), r"box reaches to \(-1, 0\)"),
        (Marks(boxes=(Box(x=1, y=0, width=1, height=8),)), "box is 1x8; it must be 2x2"),
        (Marks(points=(Point(x=1, y=1, at=3),)), "point is on frame 3, and there are 3: 0 to 2"),
        (Marks(points=(Point(x=1, y=96),)), r"point reaches to \(1, 96\)"),
        (Marks(points=(Point(x=1, y=1, inside=False),)), "frame 0 has only points outside"),
        (Marks(polygons=(Polygon(corners=((0, 0), (5, 5))),)), "polygon needs three corners or more, not 2"),
    ],
)
def test_marks_that_arent_on_the_video_are_told(marks, says):
    video, _ = rendered("car", 3)
    with pytest.raises(ValueError, match=says):
        tracked(video, marks, ByFlow())


def test_doubts_are_told_in_runs():
    doubts = dict.fromkeys((3, 4, 5, 9), "a cut") | {10: "hidden"}
    assert told(doubts) == "frames 3-5 (a cut), frame 9 (a cut), frame 10 (hidden)"
    assert told(dict.fromkeys(range(0, 20, 2), "x")).endswith(" and 6 more places")


def test_marks_scale_with_the_picture():
    marks = Marks(boxes=(Box(x=10, y=20, width=30, height=40),), points=(Point(x=95, y=95),))
    scaled = marks.scaled(2.0, (192, 192))
    assert scaled.boxes == (Box(x=20, y=40, width=60, height=80),)
    assert scaled.points == (Point(x=191, y=191),)
    assert np.array(scaled.boxes[0].corners).max() < 192
