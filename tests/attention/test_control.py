"""Installing hooks: exactly what is asked for, and afterwards everything as before."""

import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from rescene import AttentionHook, FrameKeys, Layer, StableDiffusion
from rescene.attention import AttentionControl, Call, Change, Pass
from rescene.attention.hooks import Attend
from rescene.sampling import Step
from rescene.typing import Keys, Queries, Tokens
from tests.tiny import branch


def predict(model: StableDiffusion, frames: int = 3) -> Tensor:
    """One forward pass of two branches."""
    step: Step = model.schedule(4)[1]
    z = torch.randn(frames, 4, 8, 16, generator=torch.Generator().manual_seed(0))
    texts = model.text(""), model.text("a red car")
    return torch.cat(model.predict(branch(z, step, texts[0]), branch(z.flip(0), step, texts[1])))


def processors(model: StableDiffusion) -> list[Any]:
    return list(model.unet.attn_processors.values())


def all_same(before: list[Any], after: list[Any]) -> bool:
    return all(old is new for old, new in zip(before, after, strict=True))


@dataclass(frozen=True)
class Logged(AttentionHook):
    """Notes when its two places are entered and left."""

    name: str
    log: list[str] = field(default_factory=list[str], repr=False)
    only: str = "mid_block.attentions.0.transformer_blocks.0.attn1"

    def applies(self, layer: Layer) -> bool:
        return layer.name == self.only

    def around_layer(self, call: Call, x: Tokens, proceed: Callable[[Tokens], Tokens]) -> Tokens:
        self.log.append(f"{self.name} layer")
        out = proceed(x)
        self.log.append(f"{self.name} layer done")
        return out

    def around_attention(self, call: Call, q: Queries, k: Keys, v: Keys, proceed: Attend) -> Queries:
        self.log.append(f"{self.name} attention")
        out = proceed(q, k, v)
        self.log.append(f"{self.name} attention done")
        return out


class Doubled(AttentionHook):
    def around_attention(self, call: Call, q: Queries, k: Keys, v: Keys, proceed: Attend) -> Queries:
        return proceed(q, k, 2 * v)


def test_the_identity_hook_is_bit_equal_to_the_stock_network(model: StableDiffusion) -> None:
    stock = predict(model)
    with model.changed(AttentionHook()):
        assert torch.equal(predict(model), stock)
    with model.changed():
        assert torch.equal(predict(model), stock)


def test_a_hook_changes_the_result_inside_its_block_only(model: StableDiffusion) -> None:
    stock = predict(model)
    with model.changed(Doubled()):
        assert not torch.allclose(predict(model), stock, atol=1e-3)
    assert torch.equal(predict(model), stock)


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt])
def test_the_same_processors_are_back_afterwards(
    model: StableDiffusion, error: type[BaseException] | None
) -> None:
    before = processors(model)

    def stop() -> None:
        if error:
            raise error

    try:
        with model.changed(FrameKeys(("first",))):
            assert not all_same(before, processors(model))
            with model.changed(Doubled()):
                stop()
    except BaseException as caught:
        assert error and type(caught) is error
    assert all_same(before, processors(model))
    assert model.control.installed == ()


def test_an_error_while_hooks_are_installed_leaves_nothing_behind(
    model: StableDiffusion, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = processors(model)
    last: Any = list(model.control.layers.values())[-1]
    monkeypatch.setattr(last, "residual_connection", True)
    with pytest.raises(ValueError, match="residual_connection"), model.changed(AttentionHook()):
        pass
    assert all_same(before, processors(model))
    monkeypatch.undo()
    with model.changed(AttentionHook()):
        predict(model)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("group_norm", torch.nn.Identity()), ("norm_q", torch.nn.Identity()), ("rescale_output_factor", 2.0)],
)
def test_layers_that_compute_more_are_refused(model: StableDiffusion, attribute: str, value: object) -> None:
    layer, module = next(iter(model.control.layers.items()))
    refused = pytest.raises(ValueError, match=f"can't hook {layer.name}.*{attribute}")
    with pytest.MonkeyPatch.context() as patch, refused:
        patch.setattr(module, attribute, value)
        model.changed(AttentionHook()).__enter__()


def test_an_attention_mask_is_refused(model: StableDiffusion) -> None:
    module: Any = next(iter(model.control.layers.values()))
    with model.changed(AttentionHook()), pytest.raises(NotImplementedError, match="attention mask"):
        module(torch.zeros(1, 4, 8), attention_mask=torch.zeros(1, 4))


def test_the_first_hook_is_outermost_and_those_of_outer_blocks_are_further_out(
    model: StableDiffusion,
) -> None:
    log: list[str] = []
    with model.changed(Logged("outer", log)), model.changed(Logged("first", log), Logged("second", log)):
        predict(model)
    names = ["outer", "first", "second"]
    assert log == [
        *(f"{name} layer" for name in names),
        *(f"{name} attention" for name in names),
        *(f"{name} attention done" for name in reversed(names)),
        *(f"{name} layer done" for name in reversed(names)),
    ]


def test_an_inner_block_ends_without_ending_the_outer_one(model: StableDiffusion) -> None:
    log: list[str] = []
    with model.changed(Logged("outer", log)):
        with model.changed(Logged("inner", log)):
            pass
        predict(model)
    assert set(log) == {f"outer {place}" for place in ("layer", "attention", "attention done", "layer done")}


def test_a_hook_is_told_where_and_when_it_is(model: StableDiffusion) -> None:
    seen: dict[str, Call] = {}

    @dataclass(frozen=True)
    class Spy(AttentionHook):
        def around_attention(self, call: Call, q: Queries, k: Keys, v: Keys, proceed: Attend) -> Queries:
            assert len(q) == 2 * call.times
            assert q.shape[-2] == call.grid[0] * call.grid[1]
            seen[call.layer.name] = call
            return proceed(q, k, v)

    with model.changed(Spy()):
        predict(model, frames=3)
    assert len(seen) == len(model.control.layers)
    assert {(call.step, call.branches, call.times) for call in seen.values()} == {(1, 2, 3)}
    grids = {call.layer.level: call.grid for call in seen.values()}
    assert grids == {0: (8, 16), 1: (4, 8), 2: (2, 4), 3: (1, 2)}


def test_split_parts_the_last_branch_from_the_others(model: StableDiffusion) -> None:
    call = Call(next(iter(model.control.layers)), step=0, branches=3, times=2, grid=(1, 1))
    (others,), (own,) = call.split(torch.arange(6))
    assert (others.tolist(), own.tolist()) == ([0, 1, 2, 3], [4, 5])
    (others,), (own,) = call.split(torch.arange(2))
    assert (others.tolist(), own.tolist()) == ([], [0, 1])


def test_a_second_thread_is_turned_away_and_may_come_back(model: StableDiffusion) -> None:
    errors: list[BaseException] = []

    def enter() -> None:
        try:
            with model.changed(AttentionHook()):
                pass
        except RuntimeError as error:
            errors.append(error)

    def elsewhere() -> None:
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()

    with model.changed(Doubled()):
        elsewhere()
        assert len(errors) == 1
        assert "another thread" in str(errors[0])
    elsewhere()
    assert len(errors) == 1


def test_printing_the_control_tells_what_runs_where(model: StableDiffusion) -> None:
    assert {line.split(": ")[1] for line in str(model.control).splitlines()} == {"stock"}
    with model.changed(FrameKeys(("first", "previous")), Logged("spy")):
        lines = dict(line.split(": ", 1) for line in str(model.control).splitlines())
    assert lines["down_blocks.0.attentions.0.transformer_blocks.0.attn2"] == "stock"
    assert lines["mid_block.attentions.0.transformer_blocks.0.attn1"].index("first") < (
        lines["mid_block.attentions.0.transformer_blocks.0.attn1"].index("spy")
    )


def test_altered_tells_whether_hooks_are_in_force(model: StableDiffusion) -> None:
    assert not model.control.altered
    with model.changed(AttentionHook()):
        assert model.control.altered
    assert not model.control.altered


@dataclass(frozen=True)
class Noted:
    """A change that only notes when it comes and goes."""

    name: str
    log: list[str] = field(default_factory=list[str], repr=False)
    fails: bool = False

    @contextmanager
    def on(self, control: AttentionControl) -> Generator[None]:
        if self.fails:
            raise ValueError(f"{self.name} doesn't fit")
        self.log.append(f"{self.name} on")
        try:
            yield
        finally:
            self.log.append(f"{self.name} off")


def test_hooks_are_changes() -> None:
    assert isinstance(AttentionHook(), Change)
    assert isinstance(Noted("any"), Change)


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_changes_are_put_in_in_order_and_go_in_reverse(
    model: StableDiffusion, error: type[BaseException] | None
) -> None:
    log: list[str] = []
    before = processors(model)
    expected = pytest.raises(error) if error else nullcontext()
    with expected, model.changed(Noted("a", log), Doubled(), AttentionHook(), Noted("b", log)):
        assert [type(hook) for hook in model.control.hooks] == [Doubled, AttentionHook]
        assert len(model.control.installed) == 4
        if error:
            raise error
    assert log == ["a on", "b on", "b off", "a off"]
    assert all_same(before, processors(model))
    assert not model.control.altered


def test_a_change_that_fails_takes_those_before_it_out(model: StableDiffusion) -> None:
    log: list[str] = []
    before = processors(model)
    changes = Noted("a", log), Doubled(), Noted("b", log, fails=True), Noted("c", log)
    with pytest.raises(ValueError, match="b doesn't fit"), model.changed(*changes):
        pass
    assert log == ["a on", "a off"]
    assert all_same(before, processors(model))
    assert model.control.installed == ()


def test_hooks_apart_are_nested_like_neighbours(model: StableDiffusion) -> None:
    log: list[str] = []
    with model.changed(Logged("first", log), Noted("between"), Logged("second", log)):
        predict(model)
    assert log[:4] == ["first layer", "second layer", "first attention", "second attention"]


def test_a_change_may_be_made_of_others(model: StableDiffusion) -> None:
    log: list[str] = []

    class Both:
        def on(self, control: AttentionControl) -> AbstractContextManager[None]:
            return control.changed(Noted("a", log), Doubled())

    stock = predict(model)
    with model.changed(Both()):
        assert not torch.allclose(predict(model), stock, atol=1e-3)
    assert log == ["a on", "a off"]
    assert torch.equal(predict(model), stock)


def test_the_control_knows_the_last_pass(model: StableDiffusion) -> None:
    predict(model, frames=3)
    assert model.control.now == Pass(step=1, branches=2, times=3, size=(8, 16))
