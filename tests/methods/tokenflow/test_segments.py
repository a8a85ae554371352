"""Which frames are edited jointly, and which others follow them."""

from typing import get_args

import pytest
import torch

from rescene.methods.tokenflow import Blend
from rescene.methods.tokenflow.segments import Segments


def test_segments_cover_all_frames_and_have_one_pivot_each() -> None:
    generator = torch.Generator().manual_seed(0)
    for frames in range(1, 20):
        for interval in range(1, 9):
            segments = Segments(frames, interval)
            parts = [segments[index] for index in range(len(segments))]
            assert [frame for part in parts for frame in part] == list(range(frames))
            assert all(pivot in part for pivot, part in zip(segments.draw(generator), parts, strict=True))


def test_weights_add_up_and_name_the_own_segment_and_the_one_before() -> None:
    segments = Segments(21, 4)
    pivots = segments.draw(torch.Generator().manual_seed(0))
    for frame in range(21):
        shares = segments.shares(frame, pivots)
        assert sum(weight for _, weight in shares) == pytest.approx(1)
        assert [segment for segment, _ in shares] == ([frame // 4, frame // 4 - 1] if frame >= 4 else [0])


@pytest.mark.parametrize("interval", [1, 3, 8])
def test_between_pivots_frames_change_evenly_and_pivots_are_themselves(interval: int) -> None:
    segments = Segments(21, interval)
    pivots = segments.draw(torch.Generator().manual_seed(interval))
    mixes = [
        sum(weight * pivots[at] for at, weight in segments.shares(f, pivots, "between")) for f in range(21)
    ]
    assert mixes == pytest.approx([min(max(f, pivots[0]), pivots[-1]) for f in range(21)])
    assert all(segments.shares(pivot, pivots, "between") == [(at, 1.0)] for at, pivot in enumerate(pivots))


def test_weights_are_the_published_ones() -> None:
    expected = {
        8: [0.6225, 0.6514, 0.6792, 0.7058, 0.7311, 0.7109, 0.6971, 0.6869],
        4: [0.6225, 0.6792, 0.7311, 0.6971],
        3: [0.6608, 0.7311, 0.69],
        1: [0.7311],
    }
    for interval, weights in expected.items():
        segments = Segments(2 * interval, interval)
        ours = [segments.shares(interval + place, [])[0][1] for place in range(interval)]
        assert ours == pytest.approx(weights, abs=1e-4)


@pytest.mark.parametrize("most", [4, 5, 8])
def test_groups_cover_all_segments_once_and_hold_at_most_so_many_pivots(most: int) -> None:
    for count in range(1, 30):
        segments = Segments(count, 1)
        groups = list(segments.groups(most))
        assert [segment for own, _ in groups for segment in own] == list(range(count))
        assert len(groups) == 1 or count > most
        for own, context in groups:
            assert len({*own, *context}) == len(own) + len(context) <= most
            assert not own.start or 0 in context


@pytest.mark.parametrize("blend", get_args(Blend))
def test_frames_copy_from_pivots_of_their_group_alone(blend: Blend) -> None:
    for interval in (1, 2, 5):
        segments = Segments(43, interval)
        pivots = segments.draw(torch.Generator().manual_seed(interval))
        for own, context in segments.groups(4):
            for frame in (frame for segment in own for frame in segments[segment]):
                assert {at for at, _ in segments.shares(frame, pivots, blend)} <= {*own, *context}
