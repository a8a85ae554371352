"""Stable Diffusion XL: our clips are those of diffusers' own pipeline with its cross-frame attention."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionXLPipeline
from diffusers.pipelines.deprecated.text_to_video_synthesis.pipeline_text_to_video_zero import (
    CrossFrameAttnProcessor2_0,
)
from torch import Tensor

from rescene import FrameKeys, StableDiffusion, Video
from rescene.backbones import Backbone, StableDiffusionXL, guided, outline
from rescene.backbones.changes import Steering, load_controlnet
from rescene.sampling import sample
from rescene.sampling.noise import frame_noise
from tests.tiny import LENGTH, TEXT_WIDTH, branch, loaded_sd, tiny_controlnet, tiny_sdxl

PROMPT, NEGATIVE, STEPS, FRAMES, SCALE = "a red car on road", "dog", 4, 3, 4.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sdxl(tmp_path_factory.mktemp("models") / "sdxl")


@pytest.fixture(scope="module")
def xl(folder: Path) -> StableDiffusion:
    model = loaded_sd(folder)
    assert isinstance(model, StableDiffusionXL)
    return model


def noise(height: int, width: int) -> Tensor:
    return frame_noise((4, height // 8, width // 8), range(FRAMES), 0)


def stock(folder: Path, height: int, width: int, **options: Any) -> Tensor:
    """The latents that diffusers' pipeline makes, all frames attending to the first."""
    pipeline: Any = StableDiffusionXLPipeline.from_pretrained(folder, add_watermarker=False)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    pipeline.unet.set_attn_processor(CrossFrameAttnProcessor2_0(batch_size=2))
    return pipeline(
        prompt=[PROMPT] * FRAMES,
        num_inference_steps=STEPS,
        guidance_scale=SCALE,
        latents=noise(height, width),
        output_type="latent",
        height=height,
        width=width,
        **options,
    ).images


@torch.no_grad()
def ours(xl: StableDiffusion, height: int, width: int, negative: str, *hooks: FrameKeys) -> Tensor:
    denoise = guided(xl, xl.text(PROMPT), xl.text(negative), SCALE)
    with xl.changed(*hooks):
        *_, z = sample(denoise, noise(height, width), xl.schedule(STEPS))
    return z


@pytest.mark.parametrize(("height", "width"), [(64, 64), (32, 96)])
def test_clips_are_those_of_diffusers(xl, folder, height, width):
    theirs = stock(folder, height, width, negative_prompt=[NEGATIVE] * FRAMES)
    found = ours(xl, height, width, NEGATIVE, FrameKeys(("first",)))
    torch.testing.assert_close(found, theirs, rtol=1e-3, atol=1e-3)
    assert (ours(xl, height, width, NEGATIVE) - theirs).abs().max() > 0.01


def test_without_a_negative_prompt_nothing_is_embedded(xl, folder):
    theirs = stock(folder, 64, 64)  # No negative prompt: diffusers gives zeros, as in training.
    found = ours(xl, 64, 64, "", FrameKeys(("first",)))
    torch.testing.assert_close(found, theirs, rtol=1e-3, atol=1e-3)
    assert not xl.text("").states.any() and not xl.text("").summary.any()


def test_it_is_a_backbone_whose_summary_is_no_part_of_the_states(xl):
    assert isinstance(xl, Backbone)
    text = xl.text("a red car")
    assert text.states.shape == (LENGTH, 2 * TEXT_WIDTH)
    assert text.summary is not None and text.summary.shape == (TEXT_WIDTH,)


def test_the_second_encoders_summary_and_the_size_count(xl):
    z = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    step, text = xl.schedule(2)[0], xl.text("a red car")
    other = replace(text, summary=torch.zeros_like(text.summary))
    with torch.no_grad():
        (usual,), (changed,) = xl.predict(branch(z, step, text)), xl.predict(branch(z, step, other))
    assert (usual - changed).abs().max() > 1e-4


def test_controlnets_get_the_sizes_too(xl, clip, tmp_path):
    net = load_controlnet(tiny_controlnet(tmp_path / "net", xl.unet), xl)
    steering = Steering(net, net.hints(clip.resize(64, 64)[:1]))
    shown = branch(torch.randn(1, 4, 8, 8), xl.schedule(2)[0], xl.text("a red car"))
    with torch.no_grad():
        (free,) = xl.predict(shown)
        with xl.changed(steering):
            (steered,) = xl.predict(shown)
    assert (free - steered).abs().max() > 1e-3


def test_mistakes_are_found_without_weights(folder):
    shape = outline(folder, dtype=torch.float32)
    assert isinstance(shape, StableDiffusionXL)
    assert shape.text("a red car").states.is_meta
    with pytest.raises(ValueError, match="multiples of"):
        shape.encode(Video.of(torch.zeros(1, 3, 70, 64), 8))
    with pytest.raises(ValueError, match="tokens"):
        shape.text("zebra " * 30)


def test_the_autoencoder_of_half_precision_models_stays_in_full(folder):
    model = loaded_sd(folder, dtype=torch.float16)
    assert (model.dtype, model.vae.dtype) == (torch.float16, torch.float32)


def test_identities_are_of_all_networks(xl, folder, tmp_path):
    from safetensors.torch import load_file, save_file

    other = shutil.copytree(folder, tmp_path / "other")
    file = other / "text_encoder_2" / "model.safetensors"
    save_file({name: 2 * weight for name, weight in load_file(file).items()}, file, {"format": "pt"})
    assert loaded_sd(other).identity() != xl.identity()


@pytest.mark.parametrize(
    ("part", "settings", "says"),
    [
        ("vae", {"latents_mean": [0.0] * 4}, "isn't supported"),
        ("text_encoder_2", None, "has no text_encoder_2"),
    ],
)
def test_other_kinds_are_refused(folder, tmp_path, part, settings, says):
    other = shutil.copytree(folder, tmp_path / "other")
    if settings is None:
        shutil.rmtree(other / part)
    else:
        config = json.loads((other / part / "config.json").read_text())
        (other / part / "config.json").write_text(json.dumps(config | settings))
    with pytest.raises((ValueError, FileNotFoundError), match=says):
        loaded_sd(other)
