"""Cross-attention control by values equals Prompt-to-Prompt's arithmetic on maps."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from rescene.methods.fatezero.words import FollowWords
from rescene.prompts import Alignment
from tests.attention.explicit import CROSS, FRAMES, SELF, TEXT, attend, call, maps, queries, text_keys


@dataclass(frozen=True)
class Case:
    """How a target's words relate to the source's."""

    mapping: Tensor
    share: Tensor
    weights: Tensor
    equalizer: Tensor


def replaced() -> Case:
    """Word 2 of the source becomes words 2 and 3; all words are controlled."""
    mapping = torch.zeros(TEXT, TEXT)
    mapping[[0, 1, 3, 4], [0, 1, 4, 5]] = 1
    mapping[2, [2, 3]] = 0.5
    return Case(mapping, torch.ones(TEXT), torch.ones(TEXT), torch.ones(TEXT))


def refined() -> Case:
    """Word 2 is new."""
    mapping = torch.eye(TEXT)
    mapping[2, 2] = 0
    return Case(mapping, mapping.sum(0), torch.ones(TEXT), torch.ones(TEXT))


def reweighed() -> Case:
    """Refined, with one word twice as strong, one half as strong, and one outside its window."""
    case = refined()
    weights, equalizer = torch.ones(TEXT), torch.ones(TEXT)
    equalizer[2], equalizer[3], weights[4] = 2, 0.5, 0
    return Case(case.mapping, case.share, weights, equalizer)


def uncontrolled() -> Case:
    return Case(torch.eye(TEXT), torch.ones(TEXT), torch.zeros(TEXT), torch.ones(TEXT))


@pytest.mark.parametrize("case", [replaced(), refined(), reweighed(), uncontrolled()])
def test_values_carry_what_was_done_to_maps(case: Case) -> None:
    q, k, v = queries(seed=0), text_keys(seed=1), text_keys(seed=2)
    q0, k0 = queries(1, seed=3), text_keys(1, seed=4)

    source, own = maps(q0, k0), maps(q[FRAMES:], k[FRAMES:])
    controlled = case.equalizer * ((source @ case.mapping) * case.share + own * (1 - case.share))
    edited = case.weights * controlled + (1 - case.weights) * own

    fold, keep = Alignment(case.mapping, case.share).values(case.weights, case.equalizer)
    kept = {f"{CROSS.name}.q": q0, f"{CROSS.name}.k": k0}
    hook = FollowWords(kept, lambda layer: True, fold, keep)
    out = hook.around_attention(call(CROSS), q, k, v, attend)
    torch.testing.assert_close(out[FRAMES:], edited @ v[FRAMES:])
    torch.testing.assert_close(out[:FRAMES], attend(q, k, v)[:FRAMES])

    alone = hook.around_attention(call(CROSS), q[FRAMES:], k[FRAMES:], v[FRAMES:], attend)
    torch.testing.assert_close(alone, out[FRAMES:])


def test_only_chosen_cross_attention_is_followed() -> None:
    hook = FollowWords({}, lambda layer: layer.level == 1, torch.eye(TEXT), torch.ones(TEXT))
    assert hook.applies(CROSS)
    assert not hook.applies(SELF)
