"""FlowAnchor's refinement of attention: what it does to scores, and edits that use it."""

from dataclasses import replace

import pytest
import torch

import rescene.methods.flowedit.anchor as module
from rescene.attention import Call, Layer
from rescene.inputs import Inputs
from rescene.methods.flowedit.anchor import Anchor
from tests.methods.flowedit.test_edit import ROAD, half

LAYER = Layer(name="attn2", stage=None, level=0, depth=0, attends="words", rows="clips")
WORDS, TOKENS = (1, 2), 5


def inputs(frames=2, branches=2):
    """Queries, keys and values of a layer that attends to 8 tokens from 2 by 3 positions."""
    draw = torch.Generator().manual_seed(0)
    q = torch.randn(branches, 2, frames * 6, 4, generator=draw)
    k, v = torch.randn(2, branches, 2, 8, 4, generator=draw)
    return Call(LAYER, 0, branches, frames, (2, 3)), q, k, v


def proceed(q, k, v):
    return (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1) @ v


def mask(frames=2):
    """The first column of positions."""
    inside = torch.zeros(frames, 2, 3)
    inside[..., 0] = 1
    return inside


def shown(anchor, call, q, k):
    """How the last branch attends: values that tell tokens apart show it."""
    tell = torch.eye(8).expand(len(q), 2, 8, 8)
    return anchor.around_attention(call, q, k, tell, proceed)[-1].mean(0)


def test_words_are_drawn_into_the_mask_and_away_from_the_rest():
    call, q, k, _ = inputs()
    before = shown(Anchor(mask(), WORDS, TOKENS, (0, 0)), call, q, k)
    after = shown(Anchor(mask(), WORDS, TOKENS), call, q, k)
    gain = (after - before)[:, list(WORDS)].sum(1)
    inside = mask().flatten() > 0
    assert (gain[inside] > 0).all()
    assert (gain[~inside] < 0).all()


def test_without_shares_and_in_other_branches_attention_is_as_it_was():
    call, q, k, v = inputs()
    plain = proceed(q, k, v)
    assert torch.allclose(
        Anchor(mask(), WORDS, TOKENS, (0, 0)).around_attention(call, q, k, v, proceed), plain
    )
    found = Anchor(mask(), WORDS, TOKENS).around_attention(call, q, k, v, proceed)
    assert torch.equal(found[:1], plain[:1])
    assert not torch.allclose(found[1:], plain[1:])


def test_the_number_of_scores_at_a_time_makes_no_difference(monkeypatch):
    call, q, k, v = inputs()
    anchor = Anchor(mask(), WORDS, TOKENS)
    whole = anchor.around_attention(call, q, k, v, proceed)
    monkeypatch.setattr(module, "MOST_SCORES", 40)
    assert torch.allclose(anchor.around_attention(call, q, k, v, proceed), whole, atol=1e-6)


def test_rows_of_frames_and_of_clips_are_the_same_positions():
    call, q, k, v = inputs(branches=1)
    clip = Anchor(mask(), WORDS, TOKENS).around_attention(call, q, k, v, proceed)
    frames = Call(replace(LAYER, rows="frames"), 0, 1, 2, (2, 3))
    by_frame = q.unflatten(2, (2, 6)).transpose(1, 2)[0]
    found = Anchor(mask(), WORDS, TOKENS).around_attention(
        frames, by_frame, k.expand(2, -1, -1, -1), v.expand(2, -1, -1, -1), proceed
    )
    assert torch.allclose(found, clip.unflatten(2, (2, 6)).transpose(1, 2)[0], atol=1e-6)


def test_an_edit_takes_words_and_a_mask(model, clip, latents_of):
    given = Inputs(video=clip, mask=half(clip))
    free = latents_of(ROAD(model, given))
    anchored = latents_of(replace(ROAD, anchor_words=("red",))(model, given))
    assert not torch.allclose(free, anchored, atol=1e-4)


def test_words_without_a_mask_or_that_are_not_there_are_refused(model, clip):
    with pytest.raises(ValueError, match="anchor_words needs a mask"):
        replace(ROAD, anchor_words=("red",)).check(model, clip)
    given = Inputs(video=clip, mask=half(clip))
    with pytest.raises(ValueError, match="'blue' is not in the prompt; its words are: a, red"):
        replace(ROAD, anchor_words=("blue",)).check(model, given)
