"""Stable Diffusion XL: our clips are those of diffusers' own pipeline with its cross-frame attention."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionXLPipeline
from diffusers.pipelines.deprecated.text_to_video_synthesis.pipeline_text_to_video_zero import (
    CrossFrameAttnProcessor2_0,
)
from rescene.backbones.controlled import Steering, controlled, load_controlnet
from torch import Tensor

from rescene import Text2VideoZero, Video, load
from rescene.backbones import StableDiffusionXL, outline
from rescene.backbones.stable_diffusion import DecodedLatents
from tests.tiny import tiny_controlnet, tiny_sdxl

CLIP = Text2VideoZero(
    prompt="a red car on road",
    negative_prompt="dog",
    num_inference_steps=4,
    num_frames=3,
    motion=False,
    guidance_scale=4,
)


def latents_of(video: Video) -> Tensor:
    return cast(DecodedLatents, video.clip).latents


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sdxl(tmp_path_factory.mktemp("models") / "sdxl")


@pytest.fixture(scope="module")
def xl(folder: Path) -> StableDiffusionXL:
    model = load(folder, device="cpu")
    assert isinstance(model, StableDiffusionXL)
    return model


def stock(folder: Path, **options: Any) -> Tensor:
    """The latents that diffusers' pipeline makes, all frames attending to the first."""
    pipeline: Any = StableDiffusionXLPipeline.from_pretrained(folder, add_watermarker=False)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    pipeline.unet.set_attn_processor(CrossFrameAttnProcessor2_0(batch_size=2))
    frames, noise = CLIP.num_frames, CLIP.noise((4, *options.pop("size")))
    return pipeline(
        prompt=[CLIP.prompt] * frames,
        num_inference_steps=CLIP.num_inference_steps,
        guidance_scale=CLIP.guidance_scale,
        latents=noise,
        output_type="latent",
        **options,
    ).images


@pytest.mark.parametrize(("height", "width"), [(64, 64), (32, 96)])
def test_clips_are_those_of_diffusers(xl, folder, height, width):
    negative = [CLIP.negative_prompt] * CLIP.num_frames
    size = {"size": (height // 8, width // 8), "height": height, "width": width}
    theirs = stock(folder, negative_prompt=negative, **size)
    ours = latents_of(replace(CLIP, height=height, width=width)(xl))
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)
    alone = latents_of(replace(CLIP, height=height, width=width, cross_frame=False)(xl))
    assert (alone - theirs).abs().max() > 0.01


def test_without_a_negative_prompt_nothing_is_embedded(xl, folder):
    theirs = stock(folder, size=(8, 8))  # No negative prompt: diffusers gives zeros, as in training.
    torch.testing.assert_close(
        latents_of(replace(CLIP, negative_prompt="")(xl)), theirs, rtol=1e-3, atol=1e-3
    )


def test_moving_clips_dont_depend_on_batches(xl):
    moving = replace(CLIP, motion=True)
    one, many = (latents_of(replace(moving, frames_per_batch=count)(xl)) for count in (1, 3))
    torch.testing.assert_close(one, many, rtol=1e-3, atol=1e-3)


def test_the_second_encoders_summary_and_the_size_count(xl):
    z = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    step, text = xl.schedule(2)[0], xl.embed("a red car")
    assert text.shape == (1, 24, 48)
    other = text.clone()
    other[..., 32:] = 0
    with torch.no_grad():
        (usual,), (changed,) = xl.predict(step, (z, text)), xl.predict(step, (z, other))
    assert (usual - changed).abs().max() > 1e-4


def test_controlnets_get_the_sizes_too(xl, clip, tmp_path):
    net = load_controlnet(tiny_controlnet(tmp_path / "net", xl.unet), xl)
    steering = [Steering(net, net.hints(clip.resize(64, 64)[:1]))]
    z, step, text = torch.randn(1, 4, 8, 8), xl.schedule(2)[0], xl.embed("a red car")
    with torch.no_grad():
        (free,) = xl.predict(step, (z, text))
        with controlled(xl, steering, slice(None)):
            (steered,) = xl.predict(step, (z, text))
    assert (free - steered).abs().max() > 1e-3


def test_mistakes_are_found_without_weights(folder):
    shape = outline(folder, dtype=torch.float32)
    assert isinstance(shape, StableDiffusionXL)
    replace(CLIP, motion=True).check(shape)
    with pytest.raises(ValueError, match="multiples of"):
        replace(CLIP, height=70).check(shape)
    with pytest.raises(ValueError, match="tokens"):
        replace(CLIP, prompt="zebra " * 30).check(shape)


def test_the_autoencoder_of_half_precision_models_stays_in_full(folder):
    model = load(folder, device="cpu", dtype=torch.float16)
    assert (model.unet.dtype, model.vae.dtype) == (torch.float16, torch.float32)


def test_fingerprints_are_of_all_networks(xl, folder, tmp_path):
    from safetensors.torch import load_file, save_file

    other = shutil.copytree(folder, tmp_path / "other")
    file = other / "text_encoder_2" / "model.safetensors"
    save_file({name: 2 * weight for name, weight in load_file(file).items()}, file, {"format": "pt"})
    assert load(other, device="cpu").fingerprint() != xl.fingerprint()


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
        load(other, device="cpu")
