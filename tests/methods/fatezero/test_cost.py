"""Costs against what is really stored and computed: exactly the same bytes and passes."""

from dataclasses import replace

import pytest
import torch

from rescene.backbones import outline
from rescene.inputs import Fit, Grid, Inputs
from rescene.methods import FateZero
from rescene.methods.fatezero.edit import FateZeroEdit
from rescene.methods.fatezero.inversion import Inversion
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
        from rescene.methods.fatezero.stores import RAM

        self.kept: dict[int, int] = {}
        save = RAM.save

        def counting(store, step, attention):
            self.kept[step] = sum(tensor.nbytes for tensor in attention.values())
            save(store, step, attention)

        monkeypatch.setattr(RAM, "save", counting)


def source_steps(edit, model) -> int:
    fusion = FateZeroEdit(edit, model).fusion
    return sum(fusion.needs_source(step) for step in range(STEPS))


@pytest.mark.parametrize("size", [(64, 128), (64, 64), (320, 384)])
def test_attention_and_trajectory_are_what_is_stored(edit, model, clip, monkeypatch, size):
    counting = Counting(monkeypatch)
    video = Fit.to(clip, area=1, grid=Grid(8, stride=64), size=size).apply(clip)
    again, ram, disk = (
        replace(edit, store=store).cost(model, video) for store in ("recompute", "ram", "disk")
    )
    trajectories = []
    init = Inversion.__init__

    def noting(self, *arguments, **named):
        init(self, *arguments, **named)
        trajectories.append(self.latents.nbytes)

    monkeypatch.setattr(Inversion, "__init__", noting)
    replace(edit, store="ram")(model, video)
    looked_up = source_steps(edit, model)
    assert set(counting.kept.values()) == {again.memory["attention"]}
    assert len(counting.kept) == looked_up
    assert ram.peak - again.peak == (looked_up - 1) * again.memory["attention"]
    assert disk.disk["attention"] == sum(counting.kept.values())
    assert max(trajectories) == ram.memory["trajectory"]


@pytest.mark.parametrize("store", ["recompute", "ram"])
def test_evaluations_are_what_the_network_sees(edit, model, clip, monkeypatch, store):
    seen = []
    predict = type(model).predict

    def counting(self, *branches):
        seen.append(sum(len(branch.z) for branch in branches))
        return predict(self, *branches)

    monkeypatch.setattr(type(model), "predict", counting)
    edit, video = replace(edit, store=store), clip.resize(64, 128)
    cost = edit.cost(model, video)
    edit(model, video)
    assert sum(seen) == cost.evaluations
    seen.clear()
    replace(edit, negative_prompt="cat")(model, video)
    assert sum(seen) == cost.again


def test_weights_need_not_be_there(edit, model, tiny_folder, clip):
    shapes = outline(tiny_folder, dtype=torch.float32)
    assert edit.cost(shapes, clip) == edit.cost(model, clip)


def test_half_precision_halves(edit, tiny_folder, clip):
    whole, half = (
        edit.cost(outline(tiny_folder, dtype=dtype), Inputs(video=clip)).memory
        for dtype in (torch.float32, torch.float16)
    )
    assert half["weights"] * 2 == whole["weights"]
    assert half["trajectory"] == whole["trajectory"]


@pytest.mark.parametrize("prompt", ["source", "target", "negative_prompt"])
def test_prompts_that_are_too_long_are_found(model, clip, prompt):
    for kind in TEXT_EDITS.values():
        edit = kind(source="a car", target="a jeep")  # pyright: ignore[reportCallIssue]
        with pytest.raises(ValueError, match="tokens"):
            replace(edit, **{prompt: "zebra " * 20}).cost(model, clip)  # pyright: ignore


def test_steps_beyond_the_models_are_found(model, clip):
    for kind in TEXT_EDITS.values():
        edit = kind(source="a car", target="a jeep", num_inference_steps=5000)  # pyright: ignore
        with pytest.raises(ValueError, match="num_inference_steps"):
            edit.check(model, clip)
