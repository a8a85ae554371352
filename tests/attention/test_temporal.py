"""Temporal attention that is taken over from a source or from another clip."""

from pathlib import Path

import torch
from torch import Tensor

from rescene.attention import Call, Layer
from rescene.attention.temporal import (
    FollowMotion,
    KeptKeys,
    PrependKeys,
    RecordKeys,
    SingleToken,
    deep_layers,
)
from rescene.backbones import Branch, Lead, StableVideo, outline_video_model
from tests.attention.explicit import attend
from tests.tiny_video import tiny_svd

FRAMES, GRID, HEADS, WIDTH = 5, (2, 3), 2, 4
ROWS = GRID[0] * GRID[1]
LAYER = Layer("down_blocks.0.attentions.0.temporal_transformer_blocks.0.attn1", "down", 0)
CALL = Call(LAYER, 0, FRAMES, GRID)


def drawn(branches: int, seed: int) -> Tensor:
    return torch.randn(branches * ROWS, HEADS, FRAMES, WIDTH, generator=torch.Generator().manual_seed(seed))


def branches(svd: StableVideo, count: int, seed: int = 0) -> list[Branch]:
    draw = torch.Generator().manual_seed(seed)
    steps = svd.schedule(4)
    made: list[Branch] = []
    for index in range(count):
        lead = Lead(torch.randn(1, 1, 32, generator=draw), torch.randn(1, 4, 16, 16, generator=draw), 6)
        made.append(Branch(torch.randn(3, 4, 16, 16, generator=draw), steps[index], lead))
    return made


def test_the_last_branch_moves_as_the_first() -> None:
    q, k, v = (drawn(3, seed) for seed in range(3))
    out = FollowMotion(frozenset([LAYER])).around_attention(CALL, q, k, v, attend)
    torch.testing.assert_close(out[: 2 * ROWS], attend(q, k, v)[: 2 * ROWS])
    torch.testing.assert_close(out[2 * ROWS :], attend(q[:ROWS], k[:ROWS], v[2 * ROWS :]))


def test_a_rows_part_of_a_temporal_batch_is_its_positions() -> None:
    assert CALL.rows == ROWS
    (others,), (last,) = CALL.split(torch.arange(3 * ROWS))
    assert (len(others), len(last)) == (2 * ROWS, ROWS)


def test_keys_of_another_clip_come_before_the_own() -> None:
    q, k, v = (drawn(2, seed) for seed in range(3))
    other = KeptKeys(drawn(2, 3)[:, :, :3], drawn(2, 4)[:, :, :3])
    out = PrependKeys({LAYER.name: other}).around_attention(CALL, q, k, v, attend)
    torch.testing.assert_close(out, attend(q, torch.cat([other.k, k], 2), torch.cat([other.v, v], 2)))


def test_a_clip_that_looks_at_itself_stays_as_it_is(svd: StableVideo) -> None:
    """Every key twice: each pair has the weight that one had."""
    (branch,), record = branches(svd, 1), RecordKeys()
    with svd.hooked(record):
        (plain,) = svd.predict(branch)
    with svd.hooked(PrependKeys(record.into)):
        (looking,) = svd.predict(branch)
    assert len(record.into) == sum(layer.is_temporal_self for layer in svd.hooks.layers)
    torch.testing.assert_close(looking, plain, rtol=0, atol=2e-5)


def test_one_token_is_looked_up_once(svd: StableVideo) -> None:
    token, clips = SingleToken(), branches(svd, 2)
    plain = svd.predict(*clips)
    calls: list[str] = []
    handles = [
        module.to_q.register_forward_hook(lambda *_, name=layer.name: calls.append(name))
        for layer, module in svd.hooks.layers.items()
        if layer.name.endswith("attn2")
    ]
    with svd.hooked(token):
        once, twice = svd.predict(*clips), svd.predict(*clips)
    for handle in handles:
        handle.remove()
    assert len(calls) == len(set(calls)) == len(handles)
    for ours, again, theirs in zip(once, twice, plain, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5)
        assert torch.equal(ours, again)


def test_the_token_of_each_set_of_branches_is_its_own(svd: StableVideo) -> None:
    token, clips = SingleToken(), branches(svd, 3)
    with svd.hooked(token):
        svd.predict(*clips)
        fewer = svd.predict(*clips[:2])
    for ours, theirs in zip(fewer, svd.predict(*clips[:2]), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5)


def test_the_deep_layers_are_those_of_the_paper(tmp_path: Path) -> None:
    published = [
        *(Layer(f"down{level}-{at}.temporal.attn1", "down", level) for level in range(3) for at in range(2)),
        *(Layer(f"up{level}-{at}.temporal.attn1", "up", level) for level in (2, 1, 0) for at in range(3)),
        Layer("mid.temporal.attn1", "mid", 3),
        Layer("down2-0.attn1", "down", 2),
    ]
    names = {layer.name.partition(".")[0] for layer in deep_layers(published)}
    assert names == {"down2-0", "down2-1", "mid", "up2-0", "up2-1"}


def test_layers_of_video_networks_know_their_kind(tmp_path: Path) -> None:
    model = outline_video_model(tiny_svd(tmp_path), dtype=torch.float32)
    kinds = [(layer.is_self, layer.is_cross, layer.is_temporal_self) for layer in model.hooks.layers]
    count = len(kinds) // 4
    assert [sum(kind) for kind in zip(*kinds, strict=True)] == [count, count, count]
