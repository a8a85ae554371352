"""Clips by video transformers."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from rescene import Inputs, TextToVideo, Video, Wan
from rescene.sampling.noise import frame_noise
from tests.tiny_wan import EXTRA_WANS, TINY_WANS, loaded_wan

CLIP = TextToVideo(prompt="a red car", num_inference_steps=2, num_frames=5, height=32, width=64)


@pytest.fixture(scope="module")
def wans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Wan]:
    root = tmp_path_factory.mktemp("wans")
    kinds = {**TINY_WANS, **EXTRA_WANS}
    names = ("wan", "wan-ti2v", "wan-i2v", "wan-flf2v", "wan-a14b", "wan-vace")
    return {name: loaded_wan(kinds[name](root / name)) for name in names}


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.png"
    Image.new("RGB", (90, 60), "teal").save(path)
    return path


def test_a_clip_has_the_length_rate_and_size_that_was_asked_for(wans):
    made = replace(CLIP, num_frames=7, fps=12)(wans["wan"])
    assert (len(made), made.height, made.width, made.fps) == (7, 32, 64, 12)
    assert made.frames.std() > 0


def test_a_clip_has_the_models_length_rate_and_size_otherwise(wans):
    work = TextToVideo(prompt="a red car").on(wans["wan"])
    assert (work.frames, work.size, work.blank.fps) == (17, (128, 128), 8)
    assert work.cost(Inputs()).evaluations == 2 * 50 * 17
    assert work.cost(Inputs()).remarks == ("guidance 5, shift 5 (as the model's makers sample)",)
    long = TextToVideo(prompt="a red car", num_frames=18, guidance_scale=1).on(wans["wan"])
    assert long.cost(Inputs()).evaluations == 50 * 18
    said = "guidance 1, shift 5", "the model was trained on 17 frames: a longer clip may repeat itself"
    assert long.cost(Inputs()).remarks == said


def test_the_seed_decides_and_frames_beyond_the_end_change_nothing(wans):
    first = CLIP(wans["wan"]).frames
    assert torch.equal(CLIP(wans["wan"]).frames, first)
    assert not torch.equal(replace(CLIP, seed=1)(wans["wan"]).frames, first)
    # 4 frames are padded to 5, and cut again.
    assert torch.equal(replace(CLIP, num_frames=4)(wans["wan"]).frames, first[:4])


def test_noise_belongs_to_latent_frames():
    long, short = (frame_noise((4, 2, 2), range(count), 3) for count in (5, 2))
    assert torch.equal(long[:2], short)


@pytest.mark.parametrize(
    "change", [{"solver": "euler"}, {"shift": 1.0}, {"guidance_scale": 1.0}, {"negative_prompt": "dog"}]
)
def test_settings_change_the_clip(wans, change):
    assert not torch.equal(replace(CLIP, **change)(wans["wan"]).frames, CLIP(wans["wan"]).frames)


def test_guidance_of_one_takes_one_pass_a_step(wans, monkeypatch):
    model, seen = wans["wan"], []
    predict = model.predict
    monkeypatch.setattr(model, "predict", lambda *branches: seen.append(len(branches)) or predict(*branches))
    replace(CLIP, guidance_scale=1.0)(model)
    CLIP(model)
    assert seen == [1, 1, 2, 2]


def test_two_networks_have_guidance_of_their_own(wans, monkeypatch):
    model, seen = wans["wan-a14b"], []
    monkeypatch.setattr(model, "guidance", lambda step: seen.append(step.timestep) or 3.0)
    replace(CLIP, num_inference_steps=4)(model)
    assert len(seen) == 4


def test_an_image_becomes_the_first_frame_and_gives_its_shape(wans, image):
    model = wans["wan-ti2v"]
    led = TextToVideo(prompt="a red car", image=image, num_frames=5, num_inference_steps=2)
    made = led(model)
    work = led.on(model)
    assert (made.height, made.width) == work.size
    assert made.width / made.height == pytest.approx(1.5, rel=0.2)
    coded = model.decode(model.encode(Video.of(work.frame(image), 8)), like=made).frames
    torch.testing.assert_close(made[:1].frames, coded, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["wan-i2v", "wan-flf2v"])
def test_models_that_a_picture_leads_make_clips_of_it(wans, image, name):
    last = {"last_image": image} if name == "wan-flf2v" else {}
    led = replace(CLIP, image=image, **last)
    assert len(led(wans[name])) == 5
    with pytest.raises(ValueError, match="makes clips out of a first frame; give it with --image"):
        CLIP.check(wans[name])


def test_mistakes_are_found_before_computing(wans, image):
    model = wans["wan"]
    with pytest.raises(ValueError, match="from a prompt alone; leave the image out"):
        replace(CLIP, image=image).check(model)
    with pytest.raises(ValueError, match=r"height is 40 .* multiples of 16, such as 32 and 64"):
        replace(CLIP, height=40).check(model)
    with pytest.raises(FileNotFoundError, match="no such file"):
        replace(CLIP, image=image.with_name("none.png")).check(wans["wan-ti2v"])
    with pytest.raises(ValueError, match="last_image needs an image"):
        replace(CLIP, last_image=image)
    with pytest.raises(ValueError, match="the prompt is empty"):
        replace(CLIP, prompt=" ")
    for field, value in (("shift", 0), ("num_frames", 0), ("fps", 0), ("num_inference_steps", 0)):
        with pytest.raises(ValueError, match=field):
            replace(CLIP, **{field: value})


def test_image_models_are_refused(model):
    with pytest.raises(ValueError, match=r"^text-to-video needs a model that .*Stable Diffusion .*use "):
        CLIP.check(model)
