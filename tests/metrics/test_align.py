"""Bringing videos into line: by time, and to the result's size."""

import pytest
import torch

from rescene.metrics.align import align
from rescene.video import Video


def numbered(count: int, fps: float, height: int = 4, width: int = 6) -> Video:
    """Frame n has the value n / 100."""
    levels = torch.arange(count) / 100
    return Video.of(levels[:, None, None, None].expand(-1, 3, height, width).contiguous(), fps)


def numbers(video: Video) -> list[int]:
    return (video.frames[:, 0, 0, 0] * 100).round().int().tolist()


def test_equal_videos_are_left_alone():
    source, result = numbered(5, 8), numbered(5, 8)
    aligned = align(source, result, None)
    assert (aligned.source, aligned.result, aligned.notes) == (source, result, ())


def test_the_longer_one_is_cut_and_that_is_said():
    aligned = align(numbered(9, 8), numbered(5, 8), None)
    assert len(aligned.source) == len(aligned.result) == 5
    assert "the first 5" in aligned.notes[0]


def test_at_different_rates_frames_meet_that_are_shown_together():
    aligned = align(numbered(24, 24), numbered(8, 8), None)
    assert numbers(aligned.source) == [1, 4, 7, 10, 13, 16, 19, 22]
    assert numbers(aligned.result) == list(range(8))
    assert aligned.source.fps == aligned.result.fps == 8
    assert "8 moments" in aligned.notes[0]


def test_a_faster_result_is_thinned_out():
    aligned = align(numbered(4, 8), numbered(8, 16), None)
    assert numbers(aligned.source) == [0, 1, 2, 3]
    assert numbers(aligned.result) == [1, 3, 5, 7]


def test_the_source_takes_the_size_of_the_result_and_that_is_said():
    aligned = align(numbered(2, 8, 8, 12), numbered(2, 8), None)
    assert (aligned.source.height, aligned.source.width) == (4, 6)
    assert "12x8" in aligned.notes[0]


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="shapes differ"):
        align(numbered(2, 8, 8, 8), numbered(2, 8), None)


def test_a_mask_follows_the_frames_that_it_belongs_to():
    aligned = align(numbered(24, 24), numbered(8, 8), numbered(24, 24))
    assert aligned.mask
    assert numbers(aligned.mask) == numbers(aligned.source)
    one = align(numbered(3, 8), numbered(3, 8), numbered(1, 8))
    assert one.mask
    assert numbers(one.mask) == [0, 0, 0]


def test_a_mask_of_another_length_is_refused():
    with pytest.raises(ValueError, match="the mask has 3 frames"):
        align(numbered(8, 8), numbered(5, 8), numbered(3, 8))
