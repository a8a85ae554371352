"""Hooks around the attention of video transformers: the stock computation, seen and changed."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from rescene import AttentionHook, Wan
from rescene.attention import Call, Follow, Layer, Record, WordMask
from rescene.attention.layers import every_layer
from rescene.backbones import Branch, Condition
from tests.tiny_wan import CHANNELS, TINY_WANS, loaded_wan

TIMES, ROWS, COLUMNS = 3, 8, 12


@pytest.fixture(scope="module", params=["wan", "wan-i2v", "wan-vace", "wan-a14b"])
def loaded(request, tmp_path_factory: pytest.TempPathFactory) -> Wan:
    return loaded_wan(TINY_WANS[request.param](tmp_path_factory.mktemp("wan") / "model"))


@pytest.fixture
def model(loaded: Wan) -> Iterator[Wan]:
    processors = [module.processor for module in loaded.control.layers.values()]
    yield loaded
    after = [module.processor for module in loaded.control.layers.values()]
    assert all(old is new for old, new in zip(processors, after, strict=True)), "processors were left behind"
    assert not loaded.control.altered


def branch(model: Wan, prompt: str = "a red car", seed: int = 0, step: int = 0) -> Branch:
    z = torch.randn(TIMES, CHANNELS, ROWS, COLUMNS, generator=torch.Generator().manual_seed(seed))
    led = "picture" in model.conditions
    picture = model.picture(torch.full((1, 3, 64, 96), 0.3), fps=16, frames=9) if led else None
    return Branch(z, model.schedule(4)[step], Condition(text=model.text(prompt), picture=picture))


def close(ours: Tensor, theirs: Tensor) -> None:
    assert ((ours - theirs).norm() / theirs.norm()).item() < 1e-5


def test_layers_are_listed_in_order_and_say_what_they_attend_to(model):
    layers = list(model.control.layers)
    networks = 2 if "transformer_2.blocks.0.attn1" in [layer.name for layer in layers] else 1
    assert [layer.attends for layer in layers] == ["clip", "words"] * 2 * networks
    assert (layers[0].depth, layers[-1].depth) == (0, 1)
    assert all(layer.rows == "clips" and layer.grid(ROWS, COLUMNS) == (4, 6) for layer in layers)


def test_a_hook_that_changes_nothing_changes_nothing(model):
    given = branch(model), branch(model, "dog", 1)
    stock = model.predict(*given)
    with model.changed(AttentionHook()):
        hooked = model.predict(*given)
    for one, other in zip(hooked, stock, strict=True):
        close(one, other)


class Look(AttentionHook):
    """Notes the shapes that it sees."""

    def __init__(self) -> None:
        self.seen: list[tuple[Call, tuple[int, ...], tuple[int, ...]]] = []

    def around_attention(self, call, q, k, v, proceed):
        view = call.view(q)
        assert torch.equal(call.back(view), q)
        self.seen.append((call, tuple(view.shape), tuple(k.shape)))
        return proceed(q, k, v)


def test_a_hook_sees_a_clips_queries_by_branch_time_and_position(model):
    look = Look()
    with model.changed(look):
        model.predict(branch(model, step=2), branch(model, "dog", 1, step=2))
    assert len(look.seen) == 4
    length = len(model.text("").states)
    for call, q, k in look.seen:
        assert (call.step, call.branches, call.times, call.grid) == (2, 2, TIMES, (4, 6))
        assert q == (2, TIMES, 24, 2, 24)
        assert k == (2, 2, TIMES * 24 if call.layer.attends == "clip" else length, 24)


def test_following_the_source_is_exact_where_nothing_else_differs(model):
    record = Record(every_layer)
    given = branch(model)
    with model.changed(record):
        (alone,) = model.predict(given)
    with model.changed(Follow(record.into, every_layer)):
        (followed,) = model.predict(given)
        (other,) = model.predict(branch(model, "dog", 1))
    close(followed, alone)
    (stock,) = model.predict(branch(model, "dog", 1))
    assert (other - stock).norm() / stock.norm() > 1e-4


def test_a_mask_leaves_all_to_the_source_or_nothing(model):
    record, given = Record(every_layer), branch(model, "dog", 1)
    with model.changed(record):
        model.predict(branch(model))
    found = []
    for heat in (torch.zeros, torch.ones):
        mask = WordMask(heat(TIMES, 4, 6), 0.5)
        with model.changed(Follow(record.into, every_layer, mask)):
            found.append(model.predict(given)[0])
    with model.changed(Follow(record.into, every_layer)):
        close(found[0], model.predict(given)[0])
    close(found[1], model.predict(given)[0])


class Scale(AttentionHook):
    """Doubles what some layers put out."""

    def __init__(self, layers):
        self.layers = layers

    def applies(self, layer: Layer) -> bool:
        return self.layers(layer)

    def around_layer(self, call, x, proceed):
        return 2 * proceed(x)


def test_layers_are_chosen_by_what_they_look_at(model):
    (stock,) = model.predict(branch(model))
    found = []
    for attends in ("clip", "words", "frame"):
        with model.changed(Scale(lambda layer, attends=attends: layer.attends == attends)):
            found.append(model.predict(branch(model))[0])
    assert not torch.allclose(found[0], stock)
    assert not torch.allclose(found[1], stock)
    assert not torch.allclose(found[0], found[1])
    assert torch.equal(found[2], stock)


def test_the_backend_that_a_network_was_set_to_stays_in_force(model, monkeypatch):
    used = []

    def dispatch(q, k, v, *, backend=None, **rest):
        used.append(backend)
        return torch.zeros_like(q)

    monkeypatch.setattr("rescene.attention.dit.dispatch_attention_fn", dispatch)
    network = model._networks[0]
    network.set_attention_backend("native")
    wanted = network.blocks[0].attn1.processor._attention_backend
    assert wanted is not None
    with model.changed(AttentionHook()), model.changed(AttentionHook()):
        model.predict(branch(model))
    network.reset_attention_backend()
    assert set(used) == {wanted}


def test_a_mask_of_tokens_is_refused(model):
    with model.changed(AttentionHook()):
        layer = next(iter(model.control.layers.values()))
        with pytest.raises(NotImplementedError, match="attention mask"):
            layer.processor(layer, torch.zeros(1, 4, 48), attention_mask=torch.ones(1, 4))
