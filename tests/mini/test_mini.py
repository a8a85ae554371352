"""The shipped pipeline is small, complete and loads without a network."""

import json

import pytest
import torch
from diffusers import ControlNetModel, StableDiffusionPipeline
from transformers import CLIPTokenizer

import rescene
from rescene.backbones import PromptWarning
from rescene.backbones.changes import CONTROLNETS
from rescene.mini import FOLDER
from rescene.world import BACKGROUNDS, COLOURS, OBJECTS, STYLES, Scene


@pytest.fixture(scope="module")
def pipeline():
    return StableDiffusionPipeline.from_pretrained(
        FOLDER, safety_checker=None, torch_dtype=torch.float32, local_files_only=True
    )


def test_weights_stay_below_forty_megabytes_and_fifteen_more_for_controlnets():
    sizes = {file: file.stat().st_size for file in FOLDER.rglob("*") if file.is_file()}
    extra = {file: size for file, size in sizes.items() if "controlnet" in file.parent.name}
    assert sum(sizes.values()) - sum(extra.values()) < 40e6
    assert sum(extra.values()) < 15e6


def test_every_word_of_the_world_is_one_token():
    tokenizer = CLIPTokenizer.from_pretrained(FOLDER / "tokenizer")
    for word in " ".join((*OBJECTS, *COLOURS, *BACKGROUNDS, *STYLES)).split():
        assert len(tokenizer(word).input_ids) == 3, word


def test_loads_as_stable_diffusion_and_draws(pipeline):
    result = pipeline(
        "a red car on the road",
        num_inference_steps=2,
        height=128,
        width=128,
        generator=torch.Generator().manual_seed(0),
        output_type="pt",
    )
    assert result.images.shape == (1, 3, 128, 128)
    assert result.images.isfinite().all()


def test_latents_have_sixteen_channels_and_the_unit_variance_the_unet_expects(pipeline):
    frames = torch.cat([Scene.random(seed).render(frames=1).frames for seed in range(32)])
    with torch.no_grad():
        latents = pipeline.vae.encode(frames * 2 - 1).latents * pipeline.vae.config.scaling_factor
    assert latents.shape == (32, 16, 16, 16)
    assert 0.9 < latents.std() < 1.1


def test_a_word_that_it_never_saw_is_warned_of_with_those_it_knows():
    text = rescene.load("mini").text
    assert text
    with pytest.warns(PromptWarning, match=r"dragon(.|\n)*objects: car, jeep(.|\n)*colours: red"):
        text("a red dragon on the road")


def test_words_that_it_knows_are_not_warned_of(recwarn):
    text = rescene.load("mini").text
    assert text
    text("an elephant in the snow, watercolor painting")
    assert not [each for each in recwarn if each.category is PromptWarning]


def test_a_controlnet_of_its_own_is_found_and_fits(pipeline, tmp_path, monkeypatch):
    net = ControlNetModel.from_unet(pipeline.unet, conditioning_embedding_out_channels=(4, 4, 4, 4))
    net.half().save_pretrained(tmp_path / "canny")
    monkeypatch.setitem(CONTROLNETS, "mini-canny", tmp_path / "canny")
    scene = Scene.random(seed=3)
    edit = rescene.Text2VideoZeroRedraw(prompt=scene.caption, num_inference_steps=1)
    made = edit(rescene.load("mini", device="cpu"), rescene.Video.of(scene.render(frames=2).frames, 8))
    assert made.frames.shape == (2, 3, 128, 128)


def test_no_path_of_a_machine_is_shipped():
    for file in FOLDER.rglob("*.json"):
        assert "_name_or_path" not in json.loads(file.read_text()), file
