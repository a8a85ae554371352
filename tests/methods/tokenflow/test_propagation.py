"""Copying what was computed for pivots."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from rescene.methods.tokenflow import propagation
from rescene.methods.tokenflow.propagation import (
    Correspond,
    PivotOutputs,
    PivotTokens,
    PropagateFeatures,
    RecordOutputs,
    RecordTokens,
    nearest,
)
from tests.attention.explicit import CROSS, SELF, call, random

BRANCHES, PIVOTS, POSITIONS, CHANNELS = 3, 2, 12, 16


def tokens(frames: int, seed: int = 0) -> Tensor:
    return random(frames, POSITIONS, CHANNELS, seed=seed)


def record(source: Tensor, outputs: Tensor) -> tuple[PivotTokens, PivotOutputs]:
    """What is kept of a pass in which the layer puts out `outputs`."""
    keys, kept = RecordTokens(), RecordOutputs()
    spot, x = call(times=len(source)), source.repeat(len(outputs) // len(source), 1, 1)
    keys.around_layer(spot, x, lambda x: kept.around_layer(spot, x, lambda _: outputs))
    return keys.into, kept.into


def propagate(
    kept: tuple[PivotTokens, PivotOutputs], source: Tensor, *shares: list[tuple[int, float]]
) -> Tensor:
    """The outputs of all branches for frames that look like `source`."""

    def proceed(_: Tensor) -> Tensor:
        raise AssertionError("frames don't attend")

    keys, outputs = kept
    find, spot = Correspond(keys, shares), call(times=len(source))
    x = torch.cat([source, *(tokens(len(source), seed=5 + branch) for branch in range(BRANCHES - 1))])
    copy = PropagateFeatures(outputs, shares, find.into)
    return find.around_layer(spot, x, lambda x: copy.around_layer(spot, x, proceed))


def test_a_pivot_gets_back_what_was_computed_for_it_in_every_branch() -> None:
    source, outputs = tokens(PIVOTS), tokens(BRANCHES * PIVOTS, seed=1)
    kept = record(source, outputs)
    torch.testing.assert_close(propagate(kept, source, [(0, 1.0)], [(1, 1.0)]), outputs)


def test_what_moves_in_the_source_moves_in_all_branches() -> None:
    source, outputs = tokens(1), tokens(BRANCHES, seed=1)
    moved = torch.randperm(POSITIONS, generator=torch.Generator().manual_seed(3))
    out = propagate(record(source, outputs), 2.5 * source[:, moved], [(0, 1.0)])
    torch.testing.assert_close(out, outputs[:, moved])


def test_two_pivots_are_blended_by_their_weights() -> None:
    source = tokens(1).expand(2, -1, -1).contiguous()
    outputs = tokens(BRANCHES * 2, seed=1)
    first, second = outputs.unflatten(0, (BRANCHES, 2)).unbind(1)
    out = propagate(record(source, outputs), source[:1], [(0, 0.75), (1, 0.25)])
    torch.testing.assert_close(out, 0.75 * first + 0.25 * second)


def test_frames_do_not_depend_on_those_computed_with_them() -> None:
    kept, source = record(tokens(PIVOTS), tokens(BRANCHES * PIVOTS, seed=1)), tokens(4, seed=2)
    shares = [[(0, 1.0)], [(0, 0.4), (1, 0.6)], [(1, 1.0)], [(1, 0.9), (0, 0.1)]]
    together = propagate(kept, source, *shares).unflatten(0, (BRANCHES, 4))
    for frame in range(4):
        alone = propagate(kept, source[frame : frame + 1], shares[frame])
        torch.testing.assert_close(together[:, frame], alone)


def test_what_was_found_in_the_source_serves_other_branches() -> None:
    keys, outputs = record(tokens(PIVOTS), tokens(BRANCHES * PIVOTS, seed=1))
    shares = [[(0, 1.0)], [(1, 0.6), (0, 0.4)]]
    together = propagate((keys, outputs), tokens(2, seed=2), *shares)
    find = Correspond(keys, shares)
    find.around_layer(call(times=2), tokens(2, seed=2), lambda x: x)
    edited = {name: kept[1:] for name, kept in outputs.items()}
    others = tokens(2 * (BRANCHES - 1), seed=7)
    copied = PropagateFeatures(edited, shares, find.into).around_layer(call(times=2), others, lambda x: x)
    torch.testing.assert_close(copied, together[2:])


def test_correspondences_take_two_bytes_each() -> None:
    keys, _ = record(tokens(PIVOTS), tokens(PIVOTS, seed=1))
    find = Correspond(keys, [[(0, 1.0)]])
    find.around_layer(call(times=1), tokens(1), lambda x: x)
    assert {found.element_size() for found in find.into.values()} == {2}


@pytest.mark.parametrize("most", [1, 7, 40, 10_000])
def test_the_nearest_token_is_found_in_tiles_of_any_size(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(propagation, "MOST_SCORES", most)
    x, keys = random(9, CHANNELS, seed=1), F.normalize(random(13, CHANNELS, seed=2), dim=-1)
    similarity = F.cosine_similarity(x[:, None], keys[None], dim=-1)
    assert torch.equal(nearest(x, keys), similarity.argmax(-1))


def test_half_precision_is_summed_in_full() -> None:
    x, keys = random(50, 64, seed=1).half(), F.normalize(random(300, 64, seed=2), dim=-1).half()
    assert torch.equal(nearest(x, keys), nearest(x.float(), keys.float()))


def test_only_self_attention_is_replaced() -> None:
    for hook in (RecordOutputs(), RecordTokens(), Correspond({}, []), PropagateFeatures({}, [], {})):
        assert hook.applies(SELF)
        assert not hook.applies(CROSS)
