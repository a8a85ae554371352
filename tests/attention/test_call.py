"""One evaluation of a layer, whatever lies where in its batch."""

import itertools

import pytest
import torch
from torch import Tensor

from rescene import Layer
from rescene.attention import Call
from rescene.attention.layers import Rows
from rescene.fields import Attends

BRANCHES, TIMES, GRID, HEADS, WIDTH = 2, 3, (2, 4), 5, 6
POSITIONS = GRID[0] * GRID[1]
KINDS: list[tuple[Attends, Rows]] = [("frame", "frames"), ("time", "positions"), ("clip", "clips")]


def call(attends: Attends, rows: Rows) -> Call:
    layer = Layer("any", None, 0, 0.5, attends, rows)
    return Call(layer, step=0, branches=BRANCHES, times=TIMES, grid=GRID)


def by_hand(rows: Rows, *, heads: bool) -> tuple[Tensor, Tensor]:
    """Tokens that say where they are: in the layer's layout, and by branch, time and position."""
    shape = {
        "frames": (BRANCHES * TIMES, POSITIONS),
        "positions": (BRANCHES * POSITIONS, TIMES),
        "clips": (BRANCHES, TIMES * POSITIONS),
    }[rows]
    native, seen = torch.zeros(*shape, HEADS, WIDTH), torch.zeros(BRANCHES, TIMES, POSITIONS, HEADS, WIDTH)
    for branch, time, position in itertools.product(range(BRANCHES), range(TIMES), range(POSITIONS)):
        row, token = {
            "frames": (branch * TIMES + time, position),
            "positions": (branch * POSITIONS + position, time),
            "clips": (branch, time * POSITIONS + position),
        }[rows]
        own = 1 + torch.arange(HEADS * WIDTH).view(HEADS, WIDTH) + 100 * position + 10_000 * time
        native[row, token] = seen[branch, time, position] = own + 1_000_000 * branch
    return (native.transpose(1, 2), seen) if heads else (native.flatten(2), seen.flatten(3))


@pytest.mark.parametrize("heads", [True, False])
@pytest.mark.parametrize(("attends", "rows"), KINDS)
def test_tokens_are_seen_by_branch_time_and_position(attends: Attends, rows: Rows, heads: bool) -> None:
    native, seen = by_hand(rows, heads=heads)
    assert torch.equal(call(attends, rows).view(native), seen)


@pytest.mark.parametrize("heads", [True, False])
@pytest.mark.parametrize(("attends", "rows"), KINDS)
def test_back_undoes_the_view(attends: Attends, rows: Rows, heads: bool) -> None:
    native, seen = by_hand(rows, heads=heads)
    layer = call(attends, rows)
    assert torch.equal(layer.back(layer.view(native)), native)
    assert torch.equal(layer.view(layer.back(seen)), seen)


@pytest.mark.parametrize(("attends", "rows"), KINDS)
def test_the_last_branch_is_split_off(attends: Attends, rows: Rows) -> None:
    native, seen = by_hand(rows, heads=True)
    layer = call(attends, rows)
    (others,), (last,) = layer.split(native)
    assert torch.equal(layer.view(others), seen[:-1])
    assert torch.equal(layer.view(last), seen[-1:])
    assert len(last) == layer.per_branch


@pytest.mark.parametrize(("attends", "rows"), KINDS)
def test_fewer_branches_than_the_pass_has_are_fine(attends: Attends, rows: Rows) -> None:
    native, seen = by_hand(rows, heads=True)
    layer = call(attends, rows)
    assert torch.equal(layer.view(native[: layer.per_branch]), seen[:1])
