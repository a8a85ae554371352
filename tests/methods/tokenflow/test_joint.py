"""Attending to all frames of a branch."""

import torch
from torch import Tensor

from rescene.methods.tokenflow.propagation import AllFrames
from tests.attention.explicit import CROSS, FRAMES, POSITIONS, SELF, attend, call, queries


def joint(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return AllFrames().around_attention(call(), q, k, v, attend)


def test_each_frame_attends_to_the_keys_of_all_frames_of_its_branch() -> None:
    q, k, v = (queries(2, seed=seed) for seed in range(3))
    for branch, out in zip(range(2), joint(q, k, v).split(FRAMES), strict=True):
        own = slice(branch * FRAMES, (branch + 1) * FRAMES)
        keys, values = (torch.cat(list(t[own]), dim=-2) for t in (k, v))
        for frame in range(FRAMES):
            expected = attend(q[own][frame : frame + 1], keys[None], values[None])
            torch.testing.assert_close(out[frame : frame + 1], expected)


def test_values_may_be_those_of_several_branches_side_by_side() -> None:
    q, k, v, w = (queries(1, seed=seed) for seed in range(4))
    both = joint(q, k, torch.cat([v, w], dim=-1))
    torch.testing.assert_close(both, torch.cat([joint(q, k, v), joint(q, k, w)], dim=-1))


def test_one_frame_is_the_identity() -> None:
    q, k, v = (queries(1, seed=seed) for seed in range(3))
    out = AllFrames().around_attention(call(times=1), q, k, v, attend)
    torch.testing.assert_close(out, attend(q, k, v))


def test_nothing_is_repeated() -> None:
    seen: list[tuple[int, ...]] = []

    def proceed(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        seen.append(tuple(k.shape))
        return q

    q = queries(3)
    AllFrames().around_attention(call(), q, q, q, proceed)
    assert sum(shape[0] * shape[2] for shape in seen) == 3 * FRAMES * POSITIONS


def test_only_self_attention_is_joined() -> None:
    assert AllFrames().applies(SELF)
    assert not AllFrames().applies(CROSS)
