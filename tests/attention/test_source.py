"""Keeping the source's attention and following it, against maps written out."""

import pytest
import torch
from torch import Tensor

from rescene.attention import Attention, Follow, FrameKeys, Record, WordMask
from tests.attention.explicit import (
    CROSS,
    FRAMES,
    GRID,
    SELF,
    attend,
    call,
    maps,
    queries,
)


def source() -> Attention:
    return {f"{SELF.name}.q": queries(1, seed=10), f"{SELF.name}.k": queries(1, seed=11)}


def source_map() -> Tensor:
    return maps(queries(1, seed=10), queries(1, seed=11))


@pytest.fixture
def branches() -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values of the empty prompt's branch and of the one under edit."""
    return queries(seed=0), queries(seed=1), queries(seed=2)


def test_recording_keeps_queries_and_keys_and_changes_nothing(
    branches: tuple[Tensor, Tensor, Tensor],
) -> None:
    record = Record(lambda layer: True)
    assert torch.equal(record.around_attention(call(), *branches, attend), attend(*branches))
    q, k, _ = branches
    assert record.into.keys() == {f"{SELF.name}.q", f"{SELF.name}.k"}
    assert torch.equal(record.into[f"{SELF.name}.q"], q)
    assert torch.equal(record.into[f"{SELF.name}.k"], k)


def test_what_is_recorded_has_the_layout_of_what_a_file_returns(
    branches: tuple[Tensor, Tensor, Tensor],
) -> None:
    record = Record(lambda layer: True)
    q, k, v = (t.transpose(1, 2).contiguous().transpose(1, 2) for t in branches)
    record.around_attention(call(), q, k, v, attend)
    assert not q.is_contiguous()
    assert all(kept.is_contiguous() for kept in record.into.values())


def test_following_replaces_the_last_branchs_map(branches: tuple[Tensor, Tensor, Tensor]) -> None:
    q, k, v = branches
    out = Follow(source(), lambda layer: True).around_attention(call(), q, k, v, attend)
    torch.testing.assert_close(out[:FRAMES], attend(q, k, v)[:FRAMES])
    torch.testing.assert_close(out[FRAMES:], source_map() @ v[FRAMES:])


def test_a_single_branch_follows_too(branches: tuple[Tensor, Tensor, Tensor]) -> None:
    q, k, v = (t[FRAMES:] for t in branches)
    out = Follow(source(), lambda layer: True).around_attention(call(), q, k, v, attend)
    torch.testing.assert_close(out, source_map() @ v)


@pytest.mark.parametrize("edited", [True, False])
def test_masks_of_one_and_zero_select_either_side(
    branches: tuple[Tensor, Tensor, Tensor], edited: bool
) -> None:
    q, k, v = branches
    heat = torch.ones(FRAMES, *GRID)
    mask = WordMask(heat, threshold=0.0 if edited else 1.0)
    assert mask.at(GRID).all() if edited else not mask.at(GRID).any()
    out = Follow(source(), lambda layer: True, mask).around_attention(call(), q, k, v, attend)
    own = attend(q, k, v)[FRAMES:]
    torch.testing.assert_close(out[FRAMES:], own if edited else source_map() @ v[FRAMES:])


def test_a_mask_blends_maps_row_by_row(branches: tuple[Tensor, Tensor, Tensor]) -> None:
    q, k, v = branches
    mask = WordMask(torch.rand(FRAMES, *GRID, generator=torch.Generator().manual_seed(5)), 0.6)
    out = Follow(source(), lambda layer: True, mask).around_attention(call(), q, k, v, attend)
    rows = mask.at(GRID).flatten(1).float()[:, None, :, None]
    assert 0 < rows.mean() < 1
    blended = rows * maps(q[FRAMES:], k[FRAMES:]) + (1 - rows) * source_map()
    torch.testing.assert_close(out[FRAMES:], blended @ v[FRAMES:])


def test_hooks_further_in_gather_the_sources_keys_as_they_gather_the_values() -> None:
    q, k, v = (queries(1, seed=seed) for seed in range(3))
    frames = FrameKeys(("own", "first"))

    def proceed(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return frames.around_attention(call(), q, k, v, attend)

    out = Follow(source(), lambda layer: True).around_attention(call(), q, k, v, proceed)
    kept = source()
    expected = frames.around_attention(call(), kept[f"{SELF.name}.q"], kept[f"{SELF.name}.k"], v, attend)
    assert torch.equal(out, expected)


def test_self_attention_is_followed_and_both_kinds_are_recorded() -> None:
    def everywhere(layer: object) -> bool:
        return True

    assert Follow({}, everywhere).applies(SELF)
    assert not Follow({}, everywhere).applies(CROSS)
    assert Record(everywhere).applies(SELF)
    assert Record(everywhere).applies(CROSS)
