import numpy as np
import pytest
import torch

from rescene.masks.shaping import Shape, clear, put_together
from rescene.video import Video

SIZE = 33, 41


def square(*, soft: bool = False) -> np.ndarray:
    matte = np.zeros(SIZE, np.float32)
    matte[10:20, 12:30] = 0.4 if soft else 1
    return matte


def grey(matte: np.ndarray, frames: int = 2) -> Video:
    return Video.of(torch.from_numpy(matte).expand(frames, 3, -1, -1).contiguous(), 8)


def whole(video: Video) -> torch.Tensor:
    return video.frames[:, 0]


def test_a_feathered_edge_is_inside_and_rises_inwards():
    matte, soft = square(), Shape(feather=3)(square())
    assert not soft[matte == 0].any()
    row = soft[15, 12:21]
    assert (np.diff(row) >= 0).all()
    assert row[:4] == pytest.approx([0.25, 0.5, 0.75, 1])


def test_feathering_stops_at_the_picture_and_leaves_whole_and_empty_masks():
    for level in (0, 1):
        assert (Shape(feather=5)(np.full(SIZE, level, np.float32)) == level).all()
    half = np.zeros(SIZE, np.float32)
    half[:, :20] = 1
    assert (Shape(feather=5)(half)[:, :14] == 1).all()


@pytest.mark.parametrize("amount", [1, 2, 4])
def test_growing_moves_the_edge_by_so_many_pixels(amount):
    grown, shrunk = Shape(grow=amount)(square()), Shape(grow=-amount)(square())
    assert grown[15].nonzero()[0].tolist() == list(range(12 - amount, 30 + amount))
    assert shrunk[15].nonzero()[0].tolist() == list(range(12 + amount, 30 - amount))
    # Rounded corners: a disc reaches less far across than along.
    far = [tuple(place) for place in np.argwhere(grown) if place[0] < 10 and place[1] < 12]
    assert all(np.hypot(10 - row, 12 - column) <= amount * 1.5 for row, column in far)


def test_shapes_keep_levels_and_are_monotone():
    assert Shape(grow=2)(square(soft=True)).max() == np.float32(0.4)
    lower, higher = square(soft=True), np.maximum(square(soft=True), 0.1)
    for shape in (Shape(grow=3), Shape(grow=-3), Shape(feather=4), Shape(grow=2, feather=2)):
        assert (shape(lower) <= shape(higher)).all()


def test_inversion_comes_before_growing():
    grown = Shape(invert=True, grow=2)(square())
    assert (grown <= Shape(invert=True, grow=3)(square())).all()
    assert grown[12:18, 14:28].max() == 0
    assert grown.sum() > (1 - square()).sum()


def test_masks_are_joined_and_subtracted():
    left, right = np.zeros(SIZE, np.float32), np.zeros(SIZE, np.float32)
    left[:, :25], right[:, 15:] = 0.5, 1
    like = grey(left)
    joined = put_together([grey(left), grey(right)], [], Shape(), like=like).video
    assert torch.equal(whole(joined), torch.maximum(whole(grey(left)), whole(grey(right))))
    less = whole(put_together([grey(left)], [grey(right)], Shape(), like=like).video)
    assert less[..., :15].eq(0.5).all()
    assert less[..., 15:].eq(0).all()
    everything_else = whole(put_together([], [grey(right)], Shape(), like=like).video)
    assert torch.equal(everything_else, 1 - whole(grey(right)))


def test_nearly_black_is_black_and_nearly_white_white():
    levels = torch.tensor([0, 0.05, 0.0625, 0.5, 0.95, 1])
    video = Video.of(levels[None, None, None].expand(1, 3, 1, 6).contiguous(), 8)
    cleared = whole(clear(video))[0, 0]
    assert cleared[:3].eq(0).all()
    assert cleared[3] == pytest.approx(0.5, abs=1e-3)
    assert cleared[4:].eq(1).all()
