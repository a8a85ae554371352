"""Text2Video-Zero with ControlNets: what it follows, that chunks make no difference, and what it refuses."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import torch

from rescene import Canny, StableDiffusion, Text2VideoZeroRedraw, Video
from rescene.backbones.changes import CONTROLNETS
from rescene.controls import CONTROLS
from rescene.inputs import Inputs
from rescene.methods.text2video_zero import ControlName
from rescene.methods.text2video_zero.redraw import PUBLISHED, controlnet_for
from tests.tiny import tiny_controlnet


@pytest.fixture(scope="module")
def folder(loaded: StableDiffusion, tmp_path_factory: pytest.TempPathFactory):
    return str(tiny_controlnet(tmp_path_factory.mktemp("models") / "controlnet", loaded.control.network))


@pytest.fixture
def edit(folder) -> Text2VideoZeroRedraw:
    return Text2VideoZeroRedraw(
        prompt="a red car on road", controlnets=(folder,), num_inference_steps=2, guidance_scale=4
    )


@pytest.fixture
def video(clip: Video) -> Video:
    return clip.resize(64, 64)


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    return (one - other).abs().max().item()


@pytest.mark.parametrize("fields", [{}, {"cross_frame": False}, {"merging_ratio": 0.5}])
def test_frames_computed_together_make_no_difference(model, edit, video, latents_of, fields):
    one, many = (replace(edit, frames_per_batch=count, **fields)(model, video) for count in (1, 3))
    torch.testing.assert_close(latents_of(one), latents_of(many), rtol=1e-3, atol=1e-3)


def test_each_frame_is_evaluated_once_a_step(model, edit, video, calls):
    replace(edit, frames_per_batch=1)(model, video)
    assert len(calls) == edit.num_inference_steps * len(video)


def test_frames_that_show_the_same_are_the_same(model, edit, video, latents_of):
    still = Video.of(video.frames[:1].expand(3, -1, -1, -1), 8)
    z = latents_of(edit(model, still))
    torch.testing.assert_close(z, z[:1].expand_as(z), rtol=1e-4, atol=1e-4)


def test_edges_and_their_thresholds_decide(model, edit, video, latents_of):
    usual = latents_of(edit(model, video))
    blunt = latents_of(replace(edit, canny_low=1000, canny_high=1000)(model, video))
    free = latents_of(replace(edit, control_weights=(0.0,))(model, video))
    assert difference(usual, blunt) > 1e-2
    assert difference(usual, free) > 1e-2


def test_a_control_video_takes_the_place_of_the_control(model, edit, video, latents_of):
    given = Inputs(video=video, control=Canny()(video))
    torch.testing.assert_close(
        latents_of(edit(model, given)), latents_of(edit(model, video)), rtol=1e-3, atol=1e-3
    )


def test_several_controls_add_up(model, edit, folder, video, latents_of):
    twice = replace(edit, control=("canny", "canny"), controlnets=(folder, folder))
    halves = replace(twice, control_weights=(0.5, 0.5))
    torch.testing.assert_close(
        latents_of(halves(model, video)), latents_of(edit(model, video)), rtol=1e-3, atol=1e-3
    )
    assert difference(latents_of(twice(model, video)), latents_of(edit(model, video))) > 1e-2


def test_a_model_with_a_controlnet_of_its_own_needs_no_name(
    model, edit, video, folder, latents_of, monkeypatch
):
    monkeypatch.setitem(CONTROLNETS, "mini-canny", Path(folder))
    named, short = replace(edit, controlnets=()), replace(edit, controlnets=("mini-canny",))
    wanted = latents_of(edit(model, video))
    assert torch.equal(latents_of(named(model, video)), wanted)
    assert torch.equal(latents_of(short(model, video)), wanted)


def test_a_model_without_one_is_told_to_name_one(model, edit, video):
    with pytest.raises(ValueError, match="no ControlNet for depth is known for this kind of model"):
        replace(edit, control=("depth",), controlnets=())(model, video)


def test_every_control_can_be_followed():
    assert set(get_args(ControlName)) == set(CONTROLS)


def test_a_control_without_a_published_controlnet_asks_for_one(model, monkeypatch):
    monkeypatch.setattr("rescene.methods.text2video_zero.redraw.PUBLISHED_WIDTH", model.text.width)
    monkeypatch.delitem(PUBLISHED, "depth")
    with pytest.raises(ValueError, match="no ControlNet for depth is known"):
        controlnet_for("depth", model)


def test_descendants_of_stable_diffusion_get_the_published_ones(model, monkeypatch):
    monkeypatch.setattr("rescene.methods.text2video_zero.redraw.PUBLISHED_WIDTH", model.text.width)
    assert [controlnet_for(name, model) for name in PUBLISHED] == list(PUBLISHED.values())


def test_guidance_prompts_and_seed_decide(model, edit, video, latents_of):
    usual = latents_of(edit(model, video))
    for fields in ({"guidance_scale": 8.0}, {"negative_prompt": "dog"}, {"seed": 1}, {"prompt": "a dog"}):
        assert difference(usual, latents_of(replace(edit, **fields)(model, video))) > 1e-3, fields


def test_the_result_has_the_videos_rate_length_and_size(model, edit, video):
    made = edit(model, video)
    assert (len(made), made.height, made.width, made.fps) == (4, 64, 64, video.fps)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"prompt": " "}, "prompt is empty"),
        ({"control": ()}, "control is empty"),
        ({"control_weights": (1.0, 1.0)}, "2 entries for 1 controls"),
        ({"controlnets": ("a/b", "c/d")}, "2 entries for 1 controls"),
        ({"canny_low": 200, "canny_high": 100}, "low one must not be above"),
        ({"num_inference_steps": 0}, "num_inference_steps is 0"),
    ],
)
def test_bad_settings_are_refused(edit, fields, says):
    with pytest.raises(ValueError, match=says):
        replace(edit, **fields)


def test_control_videos_that_dont_fit_are_refused_before_computing(model, edit, folder, clip, calls):
    short, both = clip[:3], replace(edit, control=("canny", "canny"), controlnets=(folder, folder))
    for wrong, control, says in (
        (edit, short, "3 frames and the video 4"),
        (both, clip, "shows one control"),
    ):
        for run in (wrong, wrong.check):
            with pytest.raises(ValueError, match=says):
                run(model, Inputs(video=clip, control=control))
    assert not calls
