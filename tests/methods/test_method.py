"""The registry, what methods need, and every method on every tiny model."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, get_args

import pytest
import torch

from rescene import Video, load
from rescene.backbones import Backbone
from rescene.fields import Verb
from rescene.inputs import Inputs
from rescene.methods import METHODS, Cost, I2VEdit, Method, Needs, Run, verb_of
from rescene.methods.needs import fits
from tests.methods.examples import EXAMPLES, OTHERS
from tests.tiny import TINY

ALL = [(verb, name) for verb in METHODS for name in METHODS[verb]]


def value(verb: Verb, name: str) -> Method:
    return EXAMPLES[name] if verb == "edit" else OTHERS[verb, name]


def test_each_verb_has_the_methods_whose_inputs_it_gives():
    assert set(METHODS) == set(get_args(Verb))
    for verb, kinds in METHODS.items():
        assert all(verb_of(kind) == verb and kind.name == name for name, kind in kinds.items())


@pytest.mark.parametrize(("verb", "name"), ALL)
def test_every_method_tells_its_title_and_moves_its_own_fields(verb, name):
    kind, made = METHODS[verb][name], value(verb, name)
    assert type(made) is kind
    assert kind.title
    for moved in kind.balance.ends if kind.balance else ():
        assert hasattr(made, moved)


@pytest.fixture(scope="module", params=sorted(TINY))
def tiny(request, tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return load(TINY[request.param](tmp_path_factory.mktemp("models") / request.param), device="cpu")


@pytest.fixture
def ready(tmp_path: Path) -> Callable[[Verb, str, Backbone], Method]:
    """Methods of few steps; those that need an adapter get one for the model, where one can be made."""
    from tests.methods.quick import quick

    return lambda verb, name, model: quick(verb, name, model, tmp_path)


@pytest.mark.parametrize(("verb", "name"), ALL)
def test_every_method_runs_on_every_model_or_is_refused_in_a_sentence(tiny, ready, verb, name):
    size = max(64, tiny.grid.stride)
    # A length that fills latents, as that of inputs that were fitted.
    frames = tiny.grid.longer(3)
    video = Video.of(torch.rand(frames, 3, size, size, generator=torch.Generator().manual_seed(0)), 8)
    inputs = {
        "edit": Inputs(video=video),
        "generate": Inputs(),
        "propagate": Inputs(video=video, key_frames={0: video.frames[:1]}),
    }[verb]
    if not fits(METHODS[verb][name].needs, tiny):
        with pytest.raises(
            ValueError, match=rf"^{name} needs a model that .*; {tiny.title} .*; use "
        ) as caught:
            value(verb, name).check(tiny, inputs)
        assert "\n" not in str(caught.value)
        return
    method = ready(verb, name, tiny)
    cost = method.cost(tiny, inputs)
    assert cost.evaluations > 0
    assert cost.peak > tiny.weight_bytes() - 1
    frames = method(tiny, inputs)[:1].frames
    assert frames.isfinite().all()
    assert frames.std() > 0


def test_a_missing_input_is_named(model):
    with pytest.raises(ValueError, match="fatezero needs a video, as in"):
        EXAMPLES["fatezero"](model)


def test_a_missing_first_frame_is_named(svd, clip):
    with pytest.raises(ValueError, match="i2vedit needs an edited first frame, as in"):
        I2VEdit()(svd, clip)


def test_a_mismatch_names_the_command_for_the_model(svd, clip):
    says = (
        "fatezero needs a model that reads prompts frame by frame; Stable Video Diffusion is led by a "
        "picture; use `rescene propagate`"
    )
    with pytest.raises(ValueError, match=says):
        EXAMPLES["fatezero"].check(svd, clip)


def test_missing_attention_layers_are_named(model, clip, monkeypatch):
    monkeypatch.setattr(model.control, "layers", {})
    with pytest.raises(
        ValueError, match=r"prompts frame by frame and has attention within frames; .* has none"
    ):
        EXAMPLES["tokenflow"].check(model, clip)


@dataclass(frozen=True, kw_only=True)
class Negative(Method):
    """Turns dark into bright: a method in one file, its work included."""

    name: ClassVar = "negative"
    title: ClassVar = "Negative"
    needs: ClassVar = Needs()

    def on(self, model):
        return NegativeEdit()


class NegativeEdit:
    def check(self, inputs):
        pass

    def cost(self, inputs):
        return Cost(steps=1, evaluations=len(inputs.video))

    def __call__(self, inputs: Inputs, run: Run) -> Video:
        assert inputs.video
        return Video.of(1 - inputs.video.frames, inputs.video.fps)


def test_a_new_method_is_a_class_and_a_line(model, clip, monkeypatch):
    monkeypatch.setitem(METHODS["edit"], Negative.name, Negative)
    made = METHODS["edit"]["negative"]()
    assert made.cost(model, clip).evaluations == 4
    assert torch.equal(made(model, clip).frames, 1 - clip.frames)
