"""Video Instruct-Pix2Pix: guidance by text and image, shared noise, chunks, and models that can't."""

from dataclasses import replace

import pytest
import torch

from rescene import InstructPix2Pix, StableDiffusion, Text2VideoZero, Video
from tests.tiny import loaded_sd, tiny_pix2pix

EDIT = InstructPix2Pix(instruction="a watercolor car", num_inference_steps=2, guidance_scale=4)


@pytest.fixture(scope="module")
def pix2pix(tmp_path_factory: pytest.TempPathFactory) -> StableDiffusion:
    return loaded_sd(tiny_pix2pix(tmp_path_factory.mktemp("models") / "pix2pix"))


@pytest.fixture
def video(clip: Video) -> Video:
    return clip.resize(64, 64)


@pytest.mark.parametrize("fields", [{}, {"shared_noise": False}, {"cross_frame": False}])
def test_frames_computed_together_make_no_difference(pix2pix, video, latents_of, fields):
    one, many = (replace(EDIT, frames_per_batch=count, **fields)(pix2pix, video) for count in (1, 3))
    torch.testing.assert_close(latents_of(one), latents_of(many), rtol=1e-3, atol=1e-3)


def test_shared_noise_makes_equal_frames_equal(pix2pix, video, latents_of):
    still = Video.of(video.frames[:1].expand(3, -1, -1, -1), 8)
    shared = latents_of(EDIT(pix2pix, still))
    torch.testing.assert_close(shared, shared[:1].expand_as(shared), rtol=1e-4, atol=1e-4)
    own = latents_of(replace(EDIT, shared_noise=False)(pix2pix, still))
    assert (own[1] - own[0]).abs().max() > 0.1


def test_both_guidances_decide(pix2pix, video, latents_of):
    usual = latents_of(EDIT(pix2pix, video))
    for fields in ({"guidance_scale": 8.0}, {"image_guidance_scale": 3.0}, {"instruction": "a dog"}):
        changed = latents_of(replace(EDIT, **fields)(pix2pix, video))
        assert (changed - usual).abs().max() > 1e-3, fields


def test_without_any_guidance_neither_text_nor_image_matters(pix2pix, video, latents_of):
    free = replace(EDIT, guidance_scale=0, image_guidance_scale=0)
    one = latents_of(free(pix2pix, video))
    other = latents_of(replace(free, instruction="a dog")(pix2pix, Video.of(1 - video.frames, 8)))
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_image_guidance_below_one_guides_less_and_nothing_breaks(pix2pix, video):
    """The original switches all guidance off and mixes up frames."""
    assert replace(EDIT, image_guidance_scale=0.5)(pix2pix, video).frames.isfinite().all()


def test_models_that_read_no_images_are_refused_before_computing(model, video, calls):
    for run in (lambda: EDIT(model, video), lambda: EDIT.check(model, video)):
        with pytest.raises(ValueError, match="needs a model that reads prompts and reads an image beside"):
            run()
    assert not calls


def test_a_model_for_instructions_makes_no_clips_from_prompts(pix2pix):
    with pytest.raises(ValueError, match="beside its latents; use `rescene edit` with instruct-pix2pix"):
        Text2VideoZero(prompt="a car", num_inference_steps=2, num_frames=2)(pix2pix)


@pytest.mark.parametrize(
    "fields", [{"instruction": " "}, {"image_guidance_scale": -1}, {"seed": 0, "frames_per_batch": 0}]
)
def test_bad_settings_are_refused(fields):
    with pytest.raises(ValueError):
        replace(EDIT, **fields)
