"""Stable Diffusion as encode, decode, embed, schedule and predict."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rescene import StableDiffusion, Video, load
from rescene.backbones import Backbone
from rescene.sampling import Step
from tests.tiny import LENGTH, TEXT_WIDTH, tiny_sd


def latents(frames: int = 2) -> Tensor:
    return torch.randn(frames, 4, 8, 8, generator=torch.Generator().manual_seed(0))


def test_it_is_a_backbone(model: StableDiffusion) -> None:
    assert isinstance(model, Backbone)


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
    assert model.embed("").shape == model.embed("a red jeep").shape == (1, LENGTH, TEXT_WIDTH)
    model.embed("jeep " * (LENGTH - 2))
    with pytest.raises(ValueError, match=f"has {LENGTH - 1} tokens and the model reads {LENGTH - 2}.*'cat'"):
        model.embed("jeep " * (LENGTH - 2) + "cat")


def test_branches_share_a_pass_and_do_not_mix(model: StableDiffusion) -> None:
    step, z = model.schedule(4)[0], latents()
    one, other = model.embed("a cat"), model.embed("a dog")
    both = model.predict(step, (z, one), (2 * z, other))
    torch.testing.assert_close(both[0], model.predict(step, (z, one))[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(both[1], model.predict(step, (2 * z, other))[0], rtol=0, atol=1e-5)
    assert not torch.allclose(both[0], both[1], atol=1e-3)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_each_kind_of_prediction_recovers_the_clean_latents(tmp_path: Path, kind: str) -> None:
    model = load(tiny_sd(tmp_path / kind, prediction_type=kind), device="cpu")
    clean, eps, schedule = latents(), latents().flip(0), model.schedule(3)

    def perfect(z: Tensor, step: Step) -> Tensor:
        return eps if kind == "epsilon" else step.start.signal * eps - step.start.noise * clean

    start = schedule[0].start
    *_, z = model.sample(perfect, start.signal * clean + start.noise * eps, schedule)
    end = schedule[-1].end
    torch.testing.assert_close(z, end.signal * clean + end.noise * eps, rtol=0, atol=1e-4)
    *_, back = model.invert(perfect, z, schedule)
    torch.testing.assert_close(back, start.signal * clean + start.noise * eps, rtol=0, atol=1e-4)


def test_latents_that_break_are_an_error_that_names_the_step(model: StableDiffusion) -> None:
    def breaks(z: Tensor, step: Step) -> Tensor:
        return z * (float("nan") if step.index == 2 else 1)

    with pytest.raises(FloatingPointError, match=r"at step 3 in torch.float32; try"):
        list(model.sample(breaks, latents(), model.schedule(4)))
    with pytest.raises(FloatingPointError, match="at step 3"):
        list(model.invert(breaks, latents(), model.schedule(4)))


def test_the_fingerprint_follows_every_weight(tiny_folder: Path, model: StableDiffusion) -> None:
    other = load(tiny_folder, device="cpu")
    assert other.fingerprint() == model.fingerprint()
    for part in (other.unet, other.vae, other.text_encoder):
        before = other.fingerprint()
        next(part.parameters()).data.view(-1)[0] += 1e-3
        assert other.fingerprint() != before
    half = load(tiny_folder, device="cpu", dtype=torch.bfloat16)
    assert half.fingerprint() != model.fingerprint()


def test_half_precision_keeps_latents_in_float32(tiny_folder: Path, clip: Video) -> None:
    half = load(tiny_folder, device="cpu", dtype=torch.bfloat16)
    z = half.encode(clip)
    assert (z.dtype, half.embed("a cat").dtype) == (torch.float32, torch.float32)
    (prediction,) = half.predict(half.schedule(2)[0], (z, half.embed("a cat")))
    assert prediction.dtype == torch.float32
    assert half.decode(z, like=clip)[:1].frames.dtype == torch.float32


def test_offloading_wakes_only_the_part_at_work(
    tiny_folder: Path, clip: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An imaginary accelerator: which parts are on it is noted instead of moved."""
    model = load(tiny_folder, device="cpu")
    names = {model.vae: "vae", model.unet: "unet", model.text_encoder: "text_encoder"}
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
    monkeypatch.setattr(parts, "_offload", True)
    monkeypatch.setattr(parts, "device", "accelerator")
    for part, name in names.items():
        assert parts.awake(part) is part
        assert awake == {name}


def test_without_offloading_nothing_moves(model: StableDiffusion, monkeypatch: pytest.MonkeyPatch) -> None:
    def moved(self: nn.Module, *_: Any) -> None:
        raise AssertionError("moved")

    for part in (model.vae, model.unet, model.text_encoder):
        monkeypatch.setattr(type(part), "to", moved)
        assert model._parts.awake(part) is part


def test_offloading_gives_the_same_numbers(tiny_folder: Path, model: StableDiffusion, clip: Video) -> None:
    offloaded = load(tiny_folder, device="cpu", offload=True)
    assert torch.equal(offloaded.encode(clip), model.encode(clip))
    assert torch.equal(offloaded.embed("a cat"), model.embed("a cat"))
