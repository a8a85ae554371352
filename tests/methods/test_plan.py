"""Plans against what is really stored: exactly the same bytes."""

from dataclasses import replace

import pytest
import torch

from rescene.backbones import outline
from rescene.inputs import Fit, Grid
from rescene.methods import FateZero, Inversion, Notes
from rescene.methods.plan import Plan, plan
from tests.methods.examples import TEXT_EDITS

STEPS = 5


@pytest.fixture(params=[{}, {"self_replace": 0.4, "cross_replace": 0.2}, {"keep_background": True}])
def edit(request):
    return FateZero(
        source="a silver car on red road",
        target="a red jeep on red road",
        num_inference_steps=STEPS,
        mask_words=("car",),
        **request.param,
    )


class Counting:
    """Notes what a store keeps."""

    def __init__(self, monkeypatch):
        from rescene.attention.stores import RAM

        self.kept: dict[int, int] = {}
        save = RAM.save

        def counting(store, step, attention):
            self.kept[step] = sum(tensor.nbytes for tensor in attention.values())
            save(store, step, attention)

        monkeypatch.setattr(RAM, "save", counting)


@pytest.mark.parametrize("size", [(64, 128), (64, 64), (320, 384)])
def test_attention_and_trajectory_are_what_is_stored(edit, model, clip, monkeypatch, size):
    counting = Counting(monkeypatch)
    video = Fit.to(clip, area=1, grid=Grid(8, stride=64), size=size).apply(clip)
    found = plan(edit, model, frames=len(video), size=size)
    trajectories = []
    init = Inversion.__init__

    def noting(self, *arguments, **named):
        init(self, *arguments, **named)
        trajectories.append(self.latents.nbytes)

    monkeypatch.setattr(Inversion, "__init__", noting)
    replace(edit, store="ram")(model, video)
    assert isinstance(found, Plan)
    assert set(counting.kept.values()) == {found.attention}
    assert len(counting.kept) == found.source_steps
    assert found.memory("ram") - found.memory("recompute") == (found.source_steps - 1) * found.attention
    assert found.disk("disk") == sum(counting.kept.values())
    assert max(trajectories) == found.trajectory


@pytest.mark.parametrize("notes", [False, True])
@pytest.mark.parametrize("store", ["recompute", "ram"])
def test_evaluations_are_what_the_network_sees(edit, model, clip, monkeypatch, store, notes):
    seen = []
    predict = type(model).predict

    def counting(self, step, *branches):
        seen.append(sum(len(latents) for latents, _ in branches))
        return predict(self, step, *branches)

    monkeypatch.setattr(type(model), "predict", counting)
    video = clip.resize(64, 128)
    replace(edit, store=store)(model, video, notes=Notes() if notes else None)
    found = plan(edit, model, frames=len(video), size=(64, 128), notes=notes)
    assert isinstance(found, Plan)
    # Notes of steps that look nothing up are made by replays also where the rest is stored.
    replays = 0 if store == "recompute" or not notes else len(video) * _unstored(edit, model)
    assert sum(seen) == found.evaluations[store] + replays


def _unstored(edit, model) -> int:
    control = edit.control(model)
    return sum(not control.needs_source(step) for step in range(STEPS))


def test_weights_need_not_be_there(edit, model, tiny_folder):
    shapes = outline(tiny_folder, dtype=torch.float32)
    assert plan(edit, shapes, frames=4, size=(64, 64)) == plan(edit, model, frames=4, size=(64, 64))


def test_half_precision_halves(edit, tiny_folder):
    whole, half = (
        plan(edit, outline(tiny_folder, dtype=dtype), frames=4, size=(64, 64))
        for dtype in (torch.float32, torch.float16)
    )
    assert whole is not None and half is not None
    assert half.weights * 2 == whole.weights
    assert half.trajectory == whole.trajectory


@pytest.mark.parametrize("prompt", ["source", "target", "negative_prompt"])
def test_prompts_that_are_too_long_are_found(model, prompt):
    for kind in TEXT_EDITS.values():
        edit = kind(source="a car", target="a jeep")  # pyright: ignore[reportCallIssue]
        with pytest.raises(ValueError, match="tokens"):
            long = replace(edit, **{prompt: "zebra " * 20})  # pyright: ignore
            plan(long, model, frames=4, size=(64, 64))


def test_steps_beyond_the_models_are_found(model):
    for kind in TEXT_EDITS.values():
        edit = kind(source="a car", target="a jeep", num_inference_steps=5000)  # pyright: ignore
        with pytest.raises(ValueError, match="num_inference_steps"):
            plan(edit, model, frames=4, size=(64, 64))
