"""Attending as a source does, the less so the more attention differs."""

import pytest
import torch
from torch import Tensor

from rescene.attention import Call
from rescene.methods.i2vedit.matching import MatchSpatial, total_variation
from tests.attention.explicit import SELF, attend

FRAMES, POSITIONS, HEADS, WIDTH = 3, 6, 2, 4


def drawn(branches: int, seed: int) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(branches * FRAMES, HEADS, POSITIONS, WIDTH, generator=draw)


def maps(q: Tensor, k: Tensor) -> Tensor:
    return (q @ k.mT / WIDTH**0.5).softmax(-1)


def matched(q: Tensor, k: Tensor, v: Tensor, thresholds: Tensor) -> Tensor:
    call = Call(SELF, step=0, branches=q.shape[0] // FRAMES, times=FRAMES, grid=(2, 3))
    return MatchSpatial(thresholds).around_attention(call, q, k, v, attend)


@pytest.mark.parametrize("tile", [1, 40, 2**24])
def test_the_difference_of_two_attentions_is_that_of_their_maps(monkeypatch, tile: int) -> None:
    monkeypatch.setattr("rescene.methods.i2vedit.matching.TILE", tile)
    q, k, other_q, other_k = (drawn(1, seed) for seed in range(4))
    wanted = (maps(q, k) - maps(other_q, other_k)).abs().sum(-1).mean(1) / 2
    torch.testing.assert_close(total_variation(q, k, other_q, other_k), wanted)


def test_it_is_0_for_equal_and_1_for_opposite_attentions() -> None:
    q, k = drawn(1, 0), drawn(1, 1)
    assert total_variation(q, k, q, k).abs().max() < 1e-6
    left, right = torch.zeros_like(k), torch.zeros_like(k)
    left[:, :, 0], right[:, :, 1] = 100, 100
    ones = torch.ones_like(q)
    torch.testing.assert_close(
        total_variation(ones, left, ones, right), torch.ones(FRAMES, POSITIONS), rtol=0, atol=1e-6
    )


def test_no_tile_is_larger_than_asked_for(monkeypatch) -> None:
    monkeypatch.setattr("rescene.methods.i2vedit.matching.TILE", 2 * FRAMES * HEADS * POSITIONS)
    seen: list[int] = []
    exact = Tensor.logsumexp

    def noted(scores: Tensor, *arguments: object, **named: object) -> Tensor:
        seen.append(scores.numel())
        return exact(scores, *arguments, **named)  # pyright: ignore

    monkeypatch.setattr(Tensor, "logsumexp", noted)
    total_variation(*(drawn(1, seed) for seed in range(4)))
    assert max(seen) == 2 * FRAMES * HEADS * POSITIONS
    assert sum(seen) == 2 * FRAMES * HEADS * POSITIONS**2


def test_outputs_are_mixed_as_maps_would_be() -> None:
    q, k, v = (drawn(3, seed) for seed in range(3))
    thresholds = torch.tensor([0.2, 0.5, 2.0])
    out = matched(q, k, v, thresholds)
    source, own = maps(q[:FRAMES], k[:FRAMES]), maps(q[-FRAMES:], k[-FRAMES:])
    share = ((own - source).abs().sum(-1).mean(1) / 2)[:, None, :, None]
    share = torch.where(share >= thresholds[:, None, None, None], 1.0, share)
    assert 0 < (share == 1).sum() < share.numel()  # Or else the thresholds test nothing.
    wanted = ((1 - share) * source + share * own) @ v[-FRAMES:]
    torch.testing.assert_close(out[-FRAMES:], wanted)


def test_all_branches_but_the_last_stay_as_they_are() -> None:
    q, k, v = (drawn(3, seed) for seed in range(3))
    out = matched(q, k, v, torch.full((FRAMES,), 0.3))
    torch.testing.assert_close(out[:-FRAMES], attend(q, k, v)[:-FRAMES])


def test_a_threshold_of_0_leaves_the_edit_alone() -> None:
    q, k, v = (drawn(3, seed) for seed in range(3))
    torch.testing.assert_close(matched(q, k, v, torch.zeros(FRAMES)), attend(q, k, v))


def test_an_edit_like_its_source_attends_exactly_as_it() -> None:
    q, k, v = (drawn(1, seed).repeat(3, 1, 1, 1) for seed in range(3))
    torch.testing.assert_close(matched(q, k, v, torch.full((FRAMES,), 0.3)), attend(q, k, v))
