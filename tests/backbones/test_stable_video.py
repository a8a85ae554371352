"""Stable Video Diffusion as a backbone."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import EulerDiscreteScheduler

from rescene import StableDiffusion, Video
from rescene.backbones import Backbone, Branch, Condition, Picture, StableVideo, Trainable, outline
from rescene.backbones.clip_image import clip_pixels
from rescene.backbones.picture import AUGMENTATION, counted
from rescene.backbones.stable_video import DECODED_AT_ONCE, read_sigmas
from rescene.sampling import Step, karras, sample
from tests.tiny import branch
from tests.tiny_video import loaded_svd


def lead(seed: int) -> Picture:
    draw = torch.Generator().manual_seed(seed)
    return Picture(torch.randn(1, 1, 32, generator=draw), torch.randn(1, 4, 16, 16, generator=draw), 6)


def latents(seed: int, frames: int = 3) -> torch.Tensor:
    return torch.randn(frames, 4, 16, 16, generator=torch.Generator().manual_seed(seed))


def led(z: torch.Tensor, step: Step, picture: Picture) -> Branch:
    return Branch(z, step, Condition(picture=picture))


def test_it_is_a_backbone(svd: StableVideo) -> None:
    assert isinstance(svd, Backbone)
    assert not isinstance(svd, Trainable)
    assert (svd.conditions, svd.native_frames, svd.text) == ({"picture"}, 14, None)


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
    *_, ours = sample(lambda z, step: network(z, step.timestep), noise, steps)
    torch.testing.assert_close(ours, x.double(), rtol=0, atol=1e-4)
    assert all(abs(step.start.signal**2 + step.start.noise**2 - 1) < 1e-9 for step in steps)


def test_the_inversion_tells_the_cleaner_level_and_ends_where_sampling_starts(svd: StableVideo) -> None:
    steps, back = svd.schedule(5), svd.schedule(5, invert=True)
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
        svd.schedule(1, invert=True)


def test_branches_of_one_pass_are_as_alone_whatever_their_steps(svd: StableVideo) -> None:
    steps = svd.schedule(4)
    branches = [led(latents(seed), steps[seed], lead(seed)) for seed in range(3)]
    together = svd.predict(*branches)
    for each, ours in zip(branches, together, strict=True):
        torch.testing.assert_close(svd.predict(each)[0], ours, rtol=0, atol=2e-5)


def test_a_branch_without_a_picture_is_refused(svd: StableVideo, model: StableDiffusion) -> None:
    step = svd.schedule(2)[0]
    with pytest.raises(ValueError, match="reads a picture and was given a text"):
        svd.predict(branch(latents(0), step, model.text("a cat")))


def test_a_lead_without_its_picture_is_nothing() -> None:
    nothing = lead(0).without()
    assert not nothing.embedding.any()
    assert not nothing.latents.any()
    assert nothing.time_ids == lead(0).time_ids == (6, 127, 0.02)


def test_rates_are_counted_as_the_model_does() -> None:
    assert counted(7) == 6
    assert counted(60.0) == 29


def test_a_picture_is_what_clip_sees_its_latents_and_the_rate(svd: StableVideo) -> None:
    frame, noisy = torch.rand(2, 1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    plain = svd.picture(frame, fps=8)
    assert (plain.fps, svd.picture(frame, fps=60).fps) == (7, 29)
    assert torch.equal(plain.embedding, svd.embed(frame))
    assert torch.equal(plain.latents, svd.image(frame))
    with_noise = svd.picture(frame, fps=8, noisy=noisy)
    assert torch.equal(with_noise.embedding, plain.embedding)
    assert torch.equal(with_noise.latents, svd.image(noisy))
    known = svd.picture(frame, fps=8, latents=svd.encode(Video.of(noisy, 8)))
    torch.testing.assert_close(known.latents, with_noise.latents)
    noise = torch.randn(1, 4, 8, 8)
    assert torch.equal(plain.noised(noise).latents, plain.latents + AUGMENTATION * noise)


def test_encoding_draws_from_the_distribution_that_it_is_given_noise_for(svd: StableVideo) -> None:
    frames = torch.rand(2, 3, 64, 128, generator=torch.Generator().manual_seed(0))
    video = Video.of(frames, 8)
    mean, drawn = svd.encode(video), svd.encode(video, noise=torch.ones(2, 4, 8, 16))
    assert mean.shape == (2, 4, 8, 16)
    assert (drawn > mean).all()
    torch.testing.assert_close(svd.image(frames[:1]) * svd.vae.config.scaling_factor, mean[:1])


def test_frames_that_dont_fit_are_refused(svd: StableVideo) -> None:
    with pytest.raises(ValueError, match="100x64 and this model takes multiples of 16"):
        svd.encode(Video.of(torch.rand(1, 3, 64, 100), 8))


def test_frames_are_decoded_eight_together(svd: StableVideo) -> None:
    z = torch.randn(10, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    whole = svd.pixels(z)
    assert whole.shape == (10, 3, 64, 64)
    torch.testing.assert_close(torch.cat([svd.pixels(z[:8]), svd.pixels(z[8:])]), whole)
    assert 0 <= whole.min() <= whole.max() <= 1


def test_decoding_is_lazy_and_keeps_the_last_run(svd: StableVideo, monkeypatch: pytest.MonkeyPatch) -> None:
    z = torch.randn(10, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    whole, runs = svd.pixels(z), list[int]()
    pixels = svd.pixels
    monkeypatch.setattr(svd, "pixels", lambda z: runs.append(len(z)) or pixels(z))
    like = Video.of(torch.zeros(1, 3, 8, 8), 12)
    video = svd.decode(z, like=like)
    assert (len(video), video.height, video.width, video.fps, runs) == (10, 64, 64, 12, [])
    assert torch.equal(video[3:5].frames, whole[3:5])
    assert torch.equal(video[7:9].frames, whole[7:9])
    assert runs == [DECODED_AT_ONCE, 2]
    assert torch.equal(video.frames, whole)


def test_half_precision_is_inside_only(svd_folder: Path) -> None:
    half = loaded_svd(svd_folder, dtype=torch.bfloat16)
    (prediction,) = half.predict(led(latents(0), half.schedule(2)[0], lead(0)))
    assert (prediction.dtype, half.embed(torch.rand(1, 3, 64, 64)).dtype) == (torch.float32, torch.float32)
    assert half.encode(Video.of(torch.rand(1, 3, 64, 64), 8)).dtype == torch.float32
    assert half.vae.dtype == torch.bfloat16


def test_pictures_for_clip_are_square_and_keep_flat_colours() -> None:
    flat = torch.tensor([0.48145466, 0.4578275, 0.40821073])[None, :, None, None].expand(1, 3, 90, 50)
    assert clip_pixels(flat, 32).shape == (1, 3, 32, 32)
    assert clip_pixels(flat, 32).abs().max() < 1e-5


def test_an_outline_knows_the_shape(svd_folder: Path) -> None:
    shape = outline(svd_folder, dtype=torch.float32)
    assert isinstance(shape, StableVideo)
    assert (shape.grid.stride, shape.native_area, shape.native_frames) == (16, 64 * 64, 14)
    assert all(weight.is_meta for weight in shape.unet.parameters())
    assert shape.weight_bytes() == loaded_svd(svd_folder).weight_bytes()


def test_another_scheduler_is_refused() -> None:
    with pytest.raises(ValueError, match="isn't that of Stable Video Diffusion"):
        read_sigmas({"prediction_type": "epsilon", "sigma_min": 0.1, "sigma_max": 1.0})
