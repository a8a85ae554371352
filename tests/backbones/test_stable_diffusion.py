"""Stable Diffusion as a backbone."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rescene import StableDiffusion, Video
from rescene.backbones import Backbone, Branch, Condition, Trainable, guided
from rescene.backbones.text import REMEMBERED
from rescene.sampling import Step, classifier_free, sample
from tests.tiny import LENGTH, TEXT_WIDTH, branch, loaded_sd, tiny_depth, tiny_pix2pix, tiny_sd


def latents(frames: int = 2) -> Tensor:
    return torch.randn(frames, 4, 8, 8, generator=torch.Generator().manual_seed(0))


def test_it_is_a_backbone(model: StableDiffusion) -> None:
    assert isinstance(model, Backbone)
    assert isinstance(model, Trainable)
    assert (model.conditions, model.native_frames) == ({"text"}, None)
    assert (model.device.type, model.dtype, model.latent_channels) == ("cpu", torch.float32, 4)


def test_encoding_is_the_scaled_mean_of_each_frame(model: StableDiffusion, clip: Video) -> None:
    z = model.encode(clip)
    assert z.shape == (4, 4, 8, 16)
    mean = model.vae.encode(2 * clip.frames - 1).latent_dist.mean
    torch.testing.assert_close(z, mean * model.vae.config.scaling_factor, rtol=0, atol=1e-5)


def test_decoding_keeps_the_rate_and_reads_any_frames(model: StableDiffusion, clip: Video) -> None:
    decoded = model.decode(model.encode(clip), like=clip)
    assert (len(decoded), decoded.height, decoded.width, decoded.fps) == (4, 64, 128, 8)
    torch.testing.assert_close(decoded[2:4].frames, decoded.frames[2:])
    assert 0 <= decoded.frames.min() <= decoded.frames.max() <= 1


@pytest.mark.parametrize(("height", "width", "fit"), [(64, 100, "64, 128"), (30, 64, "64, 64")])
def test_a_size_that_does_not_fit_is_refused_with_one_that_does(
    model: StableDiffusion, height: int, width: int, fit: str
) -> None:
    with pytest.raises(ValueError, match=rf"{width}x{height}.*multiples of 64.*resize\({fit}\)"):
        model.encode(Video.of(torch.zeros(1, 3, height, width), 8))


def test_prompts_are_padded_and_too_long_ones_are_refused_with_what_to_cut(model: StableDiffusion) -> None:
    assert model.text("").states.shape == model.text("a red jeep").states.shape == (LENGTH, TEXT_WIDTH)
    model.text("jeep " * (LENGTH - 2))
    with pytest.raises(ValueError, match=f"has {LENGTH - 1} tokens and the model reads {LENGTH - 2}.*'cat'"):
        model.text("jeep " * (LENGTH - 2) + "cat")


def test_branches_share_a_pass_and_do_not_mix(model: StableDiffusion) -> None:
    step, z = model.schedule(4)[0], latents()
    one, other = branch(z, step, model.text("a cat")), branch(2 * z, step, model.text("a dog"))
    both = model.predict(one, other)
    torch.testing.assert_close(both[0], model.predict(one)[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(both[1], model.predict(other)[0], rtol=0, atol=1e-5)
    assert not torch.allclose(both[0], both[1], atol=1e-3)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_each_kind_of_prediction_recovers_the_clean_latents(tmp_path: Path, kind: str) -> None:
    model = loaded_sd(tiny_sd(tmp_path / kind, prediction_type=kind))
    clean, eps, schedule = latents(), latents().flip(0), model.schedule(3)

    def perfect(z: Tensor, step: Step) -> Tensor:
        return eps if kind == "epsilon" else step.start.signal * eps - step.start.noise * clean

    start = schedule[0].start
    *_, z = sample(perfect, start.signal * clean + start.noise * eps, schedule)
    end = schedule[-1].end
    torch.testing.assert_close(z, end.signal * clean + end.noise * eps, rtol=0, atol=1e-4)
    *_, back = sample(perfect, z, model.schedule(3, invert=True))
    torch.testing.assert_close(back, start.signal * clean + start.noise * eps, rtol=0, atol=1e-4)


def test_branches_may_be_at_different_steps(model: StableDiffusion) -> None:
    steps, z, text = model.schedule(4), latents(), model.text("a cat")
    mixed = model.predict(*(branch(z, step, text) for step in steps))
    for step, ours in zip(steps, mixed, strict=True):
        torch.testing.assert_close(ours, model.predict(branch(z, step, text))[0], rtol=0, atol=1e-5)
    assert model.control.now.step == 3


def test_a_prompt_is_encoded_once(model: StableDiffusion, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    text: Any = model.text
    encode = text.encode
    monkeypatch.setattr(text, "encode", lambda prompt: seen.append(prompt) or encode(prompt))
    once = model.text("a dog in red")
    assert model.text("a dog in red") is once
    assert seen == ["a dog in red"]
    assert once.prompt == model.text.tokenize("a dog in red")
    for number in range(REMEMBERED):
        model.text(f"a car {number}")
    assert torch.equal(model.text("a dog in red").states, once.states)
    assert seen.count("a dog in red") == 2


def test_guidance_moves_from_the_avoided_prompt_through_the_other(model: StableDiffusion) -> None:
    step, z = model.schedule(4)[1], latents()
    text, negative = model.text("a cat"), model.text("a dog")
    without, towards = model.predict(branch(z, step, negative), branch(z, step, text))
    expected = classifier_free(without, towards, 3.0)
    assert torch.equal(guided(model, text, negative, 3.0)(z, step), expected)


def test_the_identity_follows_every_weight(tiny_folder: Path, model: StableDiffusion) -> None:
    other = loaded_sd(tiny_folder)
    assert other.identity() == model.identity()
    for part in ("unet", "vae", "text"):
        changed = loaded_sd(tiny_folder)
        network: Any = changed.text._encoder if part == "text" else getattr(changed, part)  # pyright: ignore
        next(network.parameters()).data.view(-1)[0] += 1e-3
        assert changed.identity() != model.identity()
    half = loaded_sd(tiny_folder, dtype=torch.bfloat16)
    assert half.identity() != model.identity()
    assert half.weight_bytes() == model.weight_bytes() / 2


def test_the_identity_is_worked_out_once(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = loaded_sd(tiny_folder)
    first = model.identity()
    monkeypatch.setattr("rescene.backbones.parts.Parts.fingerprint", None)
    assert model.identity() == first


def test_an_image_beside_the_latents_is_read_unscaled(tmp_path: Path, clip: Video) -> None:
    model = loaded_sd(tiny_pix2pix(tmp_path))
    assert model.conditions == {"text", "beside"}
    beside, step, text = model.encode(clip), model.schedule(4)[1], model.text("a cat")
    z = torch.randn(beside.shape, generator=torch.Generator().manual_seed(0))
    (ours,) = model.predict(branch(z, step, text, beside=beside))
    read = torch.cat([z, beside / model.vae.config.scaling_factor], dim=1)
    theirs = model.unet(read, step.timestep, text.states.expand(len(z), -1, -1)).sample
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
    for_all = model.predict(branch(z, step, text, beside=beside[:1]))[0]
    repeated = beside[:1].expand(len(z), -1, -1, -1)
    assert torch.equal(for_all, model.predict(branch(z, step, text, beside=repeated))[0])


def test_depth_beside_the_latents_is_read_as_it_is(tmp_path: Path) -> None:
    model = loaded_sd(tiny_depth(tmp_path))
    assert model.conditions == {"text", "depth"}
    z, step, text = latents(), model.schedule(4)[1], model.text("a cat")
    depth = torch.linspace(-1, 1, 64).view(1, 1, 8, 8).expand(2, -1, -1, -1)
    (ours,) = model.predict(branch(z, step, text, beside=depth))
    theirs = model.unet(torch.cat([z, depth], 1), step.timestep, text.states.expand(2, -1, -1)).sample
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_what_a_branch_lacks_or_has_too_much_is_named(model: StableDiffusion, tmp_path: Path) -> None:
    instructed, z, text = loaded_sd(tiny_pix2pix(tmp_path)), latents(), model.text("a cat")
    step = model.schedule(4)[1]
    with pytest.raises(ValueError, match="reads a text and was given nothing"):
        model.predict(Branch(z, step, Condition()))
    with pytest.raises(ValueError, match="reads a text and was given a text and an image's latents"):
        model.predict(branch(z, step, text), branch(z, step, text, beside=z))
    with pytest.raises(ValueError, match="reads a text and an image's latents and was given a text;"):
        instructed.predict(branch(z, step, text))
    with pytest.raises(ValueError, match="led by a prompt, not by a picture"):
        model.picture(torch.zeros(1, 3, 64, 64), fps=8)


def test_encoding_draws_from_the_distribution_that_it_is_given_noise_for(
    model: StableDiffusion, clip: Video, tmp_path: Path
) -> None:
    mean, noise = model.encode(clip), torch.ones(4, 4, 8, 16)
    found = model.vae.encode(2 * clip.frames - 1).latent_dist
    drawn = model.encode(clip, noise=noise)
    torch.testing.assert_close(drawn - mean, found.std * model.vae.config.scaling_factor, rtol=0, atol=1e-5)
    assert torch.equal(model.encode(clip, noise=0 * noise), mean)
    with pytest.raises(ValueError, match="no distribution"):
        loaded_sd(tiny_sd(tmp_path, vae="tiny")).encode(clip, noise=torch.zeros(4, 16, 8, 16))


def test_half_precision_keeps_latents_in_float32(tiny_folder: Path, clip: Video) -> None:
    half = loaded_sd(tiny_folder, dtype=torch.bfloat16)
    z = half.encode(clip)
    assert (z.dtype, half.text("a cat").states.dtype) == (torch.float32, torch.float32)
    (prediction,) = half.predict(branch(z, half.schedule(2)[0], half.text("a cat")))
    assert prediction.dtype == torch.float32
    assert half.decode(z, like=clip)[:1].frames.dtype == torch.float32


def test_offloading_wakes_only_the_part_at_work(
    tiny_folder: Path, clip: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An imaginary accelerator: which parts are on it is noted instead of moved."""
    model = loaded_sd(tiny_folder)
    names = dict(zip(model._parts.networks, ("unet", "text_encoder", "vae"), strict=True))
    awake: set[str] = set()

    def moved(part: Any, device: Any) -> Any:
        (awake.add if device == "accelerator" else awake.discard)(names[part])
        return part

    class Somewhere:
        device = "cpu"

    for part in names:
        monkeypatch.setattr(type(part), "to", moved)
        monkeypatch.setattr(part, "parameters", lambda: iter([Somewhere()]))
    parts = model._parts
    monkeypatch.setattr(parts, "_moving", list(names))
    monkeypatch.setattr(parts, "device", "accelerator")
    for part, name in names.items():
        assert parts.awake(part) is part
        assert awake == {name}


def test_without_offloading_nothing_moves(model: StableDiffusion, monkeypatch: pytest.MonkeyPatch) -> None:
    def moved(self: nn.Module, *_: Any) -> None:
        raise AssertionError("moved")

    for part in model._parts.networks:
        monkeypatch.setattr(type(part), "to", moved)
        assert model._parts.awake(part) is part


def test_offloading_gives_the_same_numbers(tiny_folder: Path, model: StableDiffusion, clip: Video) -> None:
    offloaded = loaded_sd(tiny_folder, offload=True)
    assert torch.equal(offloaded.encode(clip), model.encode(clip))
    assert torch.equal(offloaded.text("a cat").states, model.text("a cat").states)
