"""Temporal attention that is taken over from a source or from another clip."""

import torch
from torch import Tensor

from rescene.attention import Call, Layer
from rescene.attention.layers import Stage
from rescene.attention.temporal import (
    FollowMotion,
    KeptKeys,
    PrependKeys,
    RecordKeys,
    SingleToken,
    deep_layers,
)
from rescene.attention.unet import AttentionModule
from rescene.backbones import Branch, Condition, Picture, StableVideo
from tests.attention.explicit import attend

FRAMES, GRID, HEADS, WIDTH = 5, (2, 3), 2, 4
ROWS = GRID[0] * GRID[1]
NAME = "down_blocks.0.attentions.0.temporal_transformer_blocks.0.attn1"
LAYER = Layer(NAME, "down", 0, 0.0, "time", "positions")
CALL = Call(LAYER, 0, 3, FRAMES, GRID)


def drawn(branches: int, seed: int) -> Tensor:
    return torch.randn(branches * ROWS, HEADS, FRAMES, WIDTH, generator=torch.Generator().manual_seed(seed))


def branches(svd: StableVideo, count: int, seed: int = 0) -> list[Branch]:
    draw = torch.Generator().manual_seed(seed)
    steps = svd.schedule(4)
    made: list[Branch] = []
    for index in range(count):
        lead = Picture(torch.randn(1, 1, 32, generator=draw), torch.randn(1, 4, 16, 16, generator=draw), 6)
        z = torch.randn(3, 4, 16, 16, generator=draw)
        made.append(Branch(z, steps[index], Condition(picture=lead)))
    return made


def test_the_last_branch_moves_as_the_first() -> None:
    q, k, v = (drawn(3, seed) for seed in range(3))
    out = FollowMotion(frozenset([LAYER])).around_attention(CALL, q, k, v, attend)
    torch.testing.assert_close(out[: 2 * ROWS], attend(q, k, v)[: 2 * ROWS])
    torch.testing.assert_close(out[2 * ROWS :], attend(q[:ROWS], k[:ROWS], v[2 * ROWS :]))


def test_a_rows_part_of_a_temporal_batch_is_its_positions() -> None:
    assert CALL.per_branch == ROWS
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
    with svd.changed(record):
        (plain,) = svd.predict(branch)
    with svd.changed(PrependKeys(record.into)):
        (looking,) = svd.predict(branch)
    assert len(record.into) == sum(layer.attends == "time" for layer in svd.control.layers)
    torch.testing.assert_close(looking, plain, rtol=0, atol=2e-5)


def test_one_token_is_looked_up_once(svd: StableVideo) -> None:
    token, clips = SingleToken(), branches(svd, 2)
    plain = svd.predict(*clips)
    calls: list[str] = []
    handles = [
        module.to_q.register_forward_hook(lambda *_, name=layer.name: calls.append(name))
        for layer, module in svd.control.layers.items()
        if layer.attends == "picture" and isinstance(module, AttentionModule)
    ]
    with svd.changed(token):
        once, twice = svd.predict(*clips), svd.predict(*clips)
    for handle in handles:
        handle.remove()
    assert len(calls) == len(set(calls)) == len(handles)
    for ours, again, theirs in zip(once, twice, plain, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5)
        assert torch.equal(ours, again)


def test_the_token_of_each_set_of_branches_is_its_own(svd: StableVideo) -> None:
    token, clips = SingleToken(), branches(svd, 3)
    with svd.changed(token):
        svd.predict(*clips)
        fewer = svd.predict(*clips[:2])
    for ours, theirs in zip(fewer, svd.predict(*clips[:2]), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5)


def test_the_deep_layers_are_those_of_the_paper() -> None:
    def temporal(name: str, stage: Stage, level: int) -> Layer:
        return Layer(f"{name}.temporal.attn1", stage, level, 0.0, "time", "positions")

    published = [
        *(temporal(f"down{level}-{at}", "down", level) for level in range(3) for at in range(2)),
        *(temporal(f"up{level}-{at}", "up", level) for level in (2, 1, 0) for at in range(3)),
        temporal("mid", "mid", 3),
        Layer("down2-0.attn1", "down", 2, 0.0, "frame", "frames"),
    ]
    names = {layer.name.partition(".")[0] for layer in deep_layers(published)}
    assert names == {"down2-0", "down2-1", "mid", "up2-0", "up2-1"}
