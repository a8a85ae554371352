"""Edges of frames with known edges."""

import pytest
import torch

from rescene import Canny, Video


def test_edges_are_white_lines_where_brightness_changes():
    frames = torch.zeros(2, 3, 16, 32)
    frames[..., 16:] = 1
    edges = Canny()(Video.of(frames, 8)).frames
    assert edges.shape == frames.shape
    assert set(edges.unique().tolist()) == {0.0, 1.0}
    columns = edges[0, 0].any(0).nonzero()[:, 0]
    assert all(14 <= column <= 17 for column in columns.tolist())


def test_thresholds_are_checked():
    with pytest.raises(ValueError, match="low one"):
        Canny(low=200, high=100)
