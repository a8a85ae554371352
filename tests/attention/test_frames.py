"""Attending to other frames."""

from typing import Any

import pytest
import torch
from torch import Tensor

from rescene import FrameKeys
from tests.attention.explicit import CROSS, FRAMES, SELF, attend, call, queries


def gathered(frames: tuple[str | int, ...], numbers: list[float]) -> list[list[float]]:
    """The keys of which frames each frame is given, when frame i's only key is numbers[i]."""
    seen: list[Tensor] = []
    keys = torch.tensor(numbers, dtype=torch.float32)[:, None, None, None]

    def proceed(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        assert torch.equal(k, v)
        seen.append(k)
        return q

    FrameKeys(frames).around_attention(call(times=len(numbers)), keys, keys, keys, proceed)
    return seen[0].flatten(1).tolist()


def test_one_frame_attends_to_itself_whatever_is_asked_for() -> None:
    for frame in ("first", "middle", "last", "own", "previous", "next", -3, 2):
        assert gathered((frame,), [7]) == [[7]]


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ("first", [0, 0, 0, 0]),
        ("middle", [1, 1, 1, 1]),
        ("last", [3, 3, 3, 3]),
        ("own", [0, 1, 2, 3]),
        ("previous", [0, 0, 1, 2]),
        ("next", [1, 2, 3, 3]),
        (-2, [0, 0, 0, 1]),
        (9, [3, 3, 3, 3]),
    ],
)
def test_names_and_offsets_choose_frames_and_stop_at_the_ends(frame: str | int, expected: list[int]) -> None:
    assert gathered((frame,), [0, 1, 2, 3]) == [[number] for number in expected]


def test_several_frames_are_joined_in_order() -> None:
    assert gathered(("last", "previous"), [0, 1, 2]) == [[2, 0], [2, 0], [2, 1]]


def test_branches_do_not_mix() -> None:
    q, k, v = (queries(2, seed=seed) for seed in range(3))
    hook = FrameKeys(("first", "own"))
    both = hook.around_attention(call(), q, k, v, attend)
    parts = [
        hook.around_attention(call(), q[part], k[part], v[part], attend)
        for part in (slice(FRAMES), slice(FRAMES, None))
    ]
    torch.testing.assert_close(both, torch.cat(parts))


def test_own_frames_alone_are_the_identity() -> None:
    q, k, v = (queries(2, seed=seed) for seed in range(3))
    assert torch.equal(FrameKeys(("own",)).around_attention(call(), q, k, v, attend), attend(q, k, v))


@pytest.mark.parametrize("frames", [(), ("mid",), ("first", "Last")])
def test_unknown_frames_are_an_error_that_names_the_known_ones(frames: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="previous, next"):
        FrameKeys(frames)


def test_only_chosen_self_attention_is_hooked() -> None:
    assert FrameKeys(("first",)).applies(SELF)
    assert not FrameKeys(("first",)).applies(CROSS)
    assert not FrameKeys(("first",), lambda layer: layer.level > 1).applies(SELF)
