"""Stable Video Diffusion as a backbone."""

import json
import shutil
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import EulerDiscreteScheduler

from rescene import load
from rescene.backbones import Branch, Lead, StableVideo, load_video_model, outline_video_model
from rescene.backbones.clip_image import clip_pixels
from rescene.backbones.stable_video import counted, read_sigmas
from rescene.sampling import karras, sample, velocity


def lead(seed: int) -> Lead:
    draw = torch.Generator().manual_seed(seed)
    return Lead(torch.randn(1, 1, 32, generator=draw), torch.randn(1, 4, 16, 16, generator=draw), 6)


def latents(seed: int, frames: int = 3) -> torch.Tensor:
    return torch.randn(frames, 4, 16, 16, generator=torch.Generator().manual_seed(seed))


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")
def test_sampling_is_the_makers_scheduler_at_unit_variance(svd: StableVideo) -> None:
    theirs: Any = EulerDiscreteScheduler(
        sigma_min=0.002, sigma_max=700.0, prediction_type="v_prediction", timestep_type="continuous",
        timestep_spacing="leading", use_karras_sigmas=True,
    )  # fmt: skip
    theirs.set_timesteps(6)
    steps, noise = svd.schedule(6), latents(0).double()

    def network(x: torch.Tensor, time: float) -> torch.Tensor:
        return torch.sin(1.3 * x + time)

    x = noise * theirs.init_noise_sigma
    for time in theirs.timesteps:
        scaled = theirs.scale_model_input(x, time)
        x = theirs.step(network(scaled, float(time)), time, x).prev_sample
    *_, ours = sample(lambda z, step: network(z, step.timestep), noise, steps, velocity)
    torch.testing.assert_close(ours, x.double(), rtol=0, atol=1e-4)
    assert all(abs(step.start.signal**2 + step.start.noise**2 - 1) < 1e-9 for step in steps)


def test_the_inversion_tells_the_cleaner_level_and_ends_where_sampling_starts(svd: StableVideo) -> None:
    steps, back = svd.schedule(5), svd.inversion_schedule(5)
    assert [step.index for step in back] == [4, 3, 2, 1, 0]
    assert back[-1].end == steps[0].start
    for one, other in pairwise(back):
        assert one.end == other.start
    for undone, step in zip(reversed(back), steps[1:], strict=False):
        assert undone.start == step.start
        assert undone.timestep == pytest.approx(step.timestep)
    sigmas = [step.start.noise for step in karras(5, sigma_min=0.002, sigma_max=700.0)]
    first = back[0].start
    assert first.noise / first.signal == pytest.approx(sigmas[-1] ** 2 / sigmas[-2])
    with pytest.raises(ValueError, match="from 2 steps on"):
        svd.inversion_schedule(1)


def test_branches_of_one_pass_are_as_alone_whatever_their_steps(svd: StableVideo) -> None:
    steps = svd.schedule(4)
    branches = [Branch(latents(seed), steps[seed], lead(seed)) for seed in range(3)]
    together = svd.predict(*branches)
    for branch, ours in zip(branches, together, strict=True):
        torch.testing.assert_close(svd.predict(branch)[0], ours, rtol=0, atol=2e-5)


def test_a_lead_without_its_picture_is_nothing() -> None:
    nothing = lead(0).without()
    assert not nothing.embedding.any()
    assert not nothing.image.any()
    assert nothing.time_ids == lead(0).time_ids == (6, 127, 0.02)


def test_rates_are_counted_as_the_model_does() -> None:
    assert counted(Fraction(7)) == 6
    assert counted(Fraction(60)) == 29


def test_encoding_draws_from_the_distribution_that_it_is_given_noise_for(svd: StableVideo) -> None:
    frames = torch.rand(2, 3, 64, 128, generator=torch.Generator().manual_seed(0))
    mean, drawn = svd.encode(frames), svd.encode(frames, torch.ones(2, 4, 8, 16))
    assert mean.shape == (2, 4, 8, 16)
    assert (drawn > mean).all()
    torch.testing.assert_close(svd.image(frames[:1]) * svd.vae.config.scaling_factor, mean[:1])


def test_frames_that_dont_fit_are_refused(svd: StableVideo) -> None:
    with pytest.raises(ValueError, match="100x64 and this model takes multiples of 16"):
        svd.encode(torch.rand(1, 3, 64, 100))


def test_frames_are_decoded_eight_together(svd: StableVideo) -> None:
    z = torch.randn(10, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    whole = svd.pixels(z)
    assert whole.shape == (10, 3, 64, 64)
    torch.testing.assert_close(torch.cat([svd.pixels(z[:8]), svd.pixels(z[8:])]), whole)
    assert 0 <= whole.min() <= whole.max() <= 1


def test_half_precision_is_inside_only(svd_folder: Path) -> None:
    half = load_video_model(svd_folder, device="cpu", dtype=torch.bfloat16)
    (prediction,) = half.predict(Branch(latents(0), half.schedule(2)[0], lead(0)))
    assert (prediction.dtype, half.embed(torch.rand(1, 3, 64, 64)).dtype) == (torch.float32, torch.float32)
    assert half.encode(torch.rand(1, 3, 64, 64)).dtype == torch.float32
    assert half.vae.dtype == torch.bfloat16


def test_pictures_for_clip_are_square_and_keep_flat_colours() -> None:
    flat = torch.tensor([0.48145466, 0.4578275, 0.40821073])[None, :, None, None].expand(1, 3, 90, 50)
    assert clip_pixels(flat, 32).shape == (1, 3, 32, 32)
    assert clip_pixels(flat, 32).abs().max() < 1e-5


def test_an_outline_knows_the_shape(svd_folder: Path) -> None:
    outline = outline_video_model(svd_folder, dtype=torch.float32)
    assert (outline.stride, outline.native_area, outline.clip_length) == (16, 64 * 64, 14)
    assert all(weight.is_meta for weight in outline.unet.parameters())


def test_models_of_other_kinds_are_refused(tiny_folder: Path, svd_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="image_encoder; this needs a Stable Video Diffusion"):
        load_video_model(tiny_folder)
    with pytest.raises(FileNotFoundError, match="text_encoder, tokenizer; this needs a Stable Diffusion"):
        load(svd_folder)
    with pytest.raises(FileNotFoundError, match="there is no model 'nothing'"):
        load_video_model("nothing")
    with pytest.raises(ValueError, match="belongs to a hub id"):
        load_video_model(svd_folder, revision="main")
    wrong = shutil.copytree(svd_folder, tmp_path / "wrong")
    index = json.loads((wrong / "model_index.json").read_text())
    index["unet"] = ["diffusers", "UNet2DConditionModel"]
    (wrong / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match=r"unet of .* is a UNet2DConditionModel"):
        load_video_model(wrong)


def test_another_scheduler_is_refused() -> None:
    with pytest.raises(ValueError, match="isn't that of Stable Video Diffusion"):
        read_sigmas({"prediction_type": "epsilon", "sigma_min": 0.1, "sigma_max": 1.0})
