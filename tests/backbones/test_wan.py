"""Wan as a backbone: equal to diffusers' pipelines, and out of their traps."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import WanImageToVideoPipeline, WanPipeline, WanVACEPipeline
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from rescene import AttentionHook, Fit, Video, Wan
from rescene.backbones import (
    Backbone,
    Branch,
    ClipModel,
    Condition,
    Inpainter,
    Picture,
    guided,
    outline,
    unipc,
)
from rescene.backbones.text import cleaned
from rescene.inputs.masks import Mask
from rescene.sampling import sample
from tests.tiny_wan import CHANNELS, EXTRA_WANS, LENGTH, SHIFT, TINY_WANS, WIDTH, loaded_wan, tiny_wan

PROMPT, NEGATIVE = "a red car on road", "boat"
STEPS, SCALE = 3, 4.0


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("wans")
    return {name: make(root / name) for name, make in {**TINY_WANS, **EXTRA_WANS}.items()}


@pytest.fixture(scope="module")
def wans(folders: dict[str, Path]) -> dict[str, Wan]:
    return {name: loaded_wan(folder) for name, folder in folders.items()}


def clip(frames: int = 9, height: int = 64, width: int = 96, seed: int = 0) -> Video:
    pixels = torch.rand(frames, 3, height, width, generator=torch.Generator().manual_seed(seed))
    return Video.of((255 * pixels).byte(), 16)


def noise(model: Wan, times: int = 3, size: tuple[int, int] = (8, 12), seed: int = 0) -> torch.Tensor:
    return torch.randn(times, CHANNELS, *size, generator=torch.Generator().manual_seed(seed))


def batched(z: torch.Tensor) -> torch.Tensor:
    return z.transpose(0, 1)[None]


def sampled(model: Wan, z: torch.Tensor, picture: Picture | None = None, **beside: Any) -> torch.Tensor:
    towards = guided(model, model.text(PROMPT), model.text(NEGATIVE), SCALE, picture=picture, **beside)
    *_, found = unipc(towards, z, model.schedule(STEPS))
    return batched(found)


def pictured(frames: torch.Tensor) -> Image.Image:
    return Image.fromarray((255 * frames[0]).round().byte().permute(1, 2, 0).numpy())


def close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    assert ((ours - theirs).norm() / theirs.norm()).item() < 2e-5


def embeds(model: Wan) -> dict[str, torch.Tensor]:
    # The pipelines clean prompts by a package that need not be there.
    return {
        "prompt_embeds": model.text(PROMPT).states[None],
        "negative_prompt_embeds": model.text(NEGATIVE).states[None],
    }


def options(model: Wan, z: torch.Tensor) -> dict[str, Any]:
    size = {"height": z.shape[-2] * model.grid.space, "width": z.shape[-1] * model.grid.space}
    steps = {"num_inference_steps": STEPS, "guidance_scale": SCALE, "num_frames": 1 + 4 * (len(z) - 1)}
    return {**size, **steps, "latents": batched(z).clone(), "output_type": "latent", "return_dict": False}


def pipeline(kind: Any, folder: Path) -> Any:
    made = kind.from_pretrained(folder, torch_dtype=torch.float32)
    made.set_progress_bar_config(disable=True)
    return made


# Equal to diffusers' pipelines.


@pytest.mark.parametrize("name", ["wan", "wan-a14b", "wan-ti2v"])
def test_clips_from_text_are_those_of_the_pipeline(wans, folders, name):
    model = wans[name]
    z = noise(model, size=(4, 6) if name == "wan-ti2v" else (8, 12))
    theirs = pipeline(WanPipeline, folders[name])(
        prompt=PROMPT, negative_prompt=NEGATIVE, max_sequence_length=LENGTH, **options(model, z)
    )[0]
    close(sampled(model, z), theirs)


@pytest.mark.parametrize("name", ["wan-ti2v", "wan-i2v", "wan-flf2v", "wan-i2v-a14b"])
def test_clips_from_a_picture_are_those_of_the_pipeline(wans, folders, name):
    model = wans[name]
    z = noise(model, size=(4, 6) if name == "wan-ti2v" else (8, 12))
    first, last = clip(1).frames, clip(1, seed=1).frames if name == "wan-flf2v" else None
    picture = model.picture(first, fps=16, frames=9, last=last)
    images = {"image": pictured(first), "last_image": None if last is None else pictured(last)}
    made = pipeline(WanImageToVideoPipeline, folders[name])
    made.image_processor = CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    theirs = made(**images, **embeds(model), **options(model, z))[0]
    close(sampled(model, z, picture), theirs)


@pytest.mark.parametrize("with_reference", [False, True])
def test_clips_around_a_mask_are_those_of_the_pipeline(wans, folders, with_reference):
    model, video = wans["wan-vace"], clip()
    assert isinstance(wans["wan-vace"], Inpainter)
    # One that stands still: where it moves, the pipeline loses some of it.
    white = torch.zeros(9, 3, 64, 96, dtype=torch.uint8)
    white[:, :, 16:40, 30:70] = 255
    reference = clip(1, seed=3).frames if with_reference else None
    control = model.masked(video, Mask(Video.of(white, 16)), reference=reference)
    z = noise(model, len(control))
    shown = {
        "video": [pictured(frame) for frame in video.chunks(1)],
        "mask": [Image.fromarray(frame.permute(1, 2, 0).numpy()) for frame in white],
        "reference_images": None if reference is None else [pictured(reference)],
    }
    given = {**options(model, z), "num_frames": 9}
    theirs = pipeline(WanVACEPipeline, folders["wan-vace"])(**shown, **embeds(model), **given)[0]
    # The pipeline drops the reference's latent itself.
    close(sampled(model, z, beside=control)[:, :, -theirs.shape[2] :], theirs)


def test_vace_without_a_control_invents_all(wans, folders):
    model = wans["wan-vace"]
    z = noise(model)
    theirs = pipeline(WanVACEPipeline, folders["wan-vace"])(**embeds(model), **options(model, z))[0]
    close(sampled(model, z), theirs)


# The autoencoder.


@pytest.mark.parametrize("name", ["wan", "wan-ti2v"])
def test_the_autoencoder_streams_to_the_bit(wans, name):
    model, video = wans[name], clip(9, 32, 64)
    vae, config = model._vae._vae, model._vae._vae.config
    mean, scale = (
        torch.tensor(each).view(1, -1, 1, 1, 1) for each in (config.latents_mean, config.latents_std)
    )
    z = model.encode(video)
    with torch.no_grad():
        whole = vae.encode(2 * batched(video.frames) - 1).latent_dist.mode()
        assert torch.equal(batched(z), (whole - mean) * (1 / scale))
        decoded = vae.decode(batched(z) / (1 / scale) + mean).sample
    frames = model.decode(z, like=video)
    assert (len(frames), frames.height, frames.width, frames.fps) == (9, 32, 64, 16)
    assert torch.equal(batched(frames.frames), (decoded / 2 + 0.5).clamp(0, 1))
    # Reading on, back, and across the latents.
    read = frames.frames
    for start, stop in ((5, 8), (0, 1), (3, 7)):
        assert torch.equal(frames[start:stop].frames, read[start:stop])


def test_two_clips_may_be_read_in_turn(wans):
    model = wans["wan"]
    first, second = (model.decode(noise(model, 2, (4, 4), seed), like=clip(1)) for seed in (0, 1))
    alone = first.frames, second.frames
    a, b = (model.decode(noise(model, 2, (4, 4), seed), like=clip(1)) for seed in (0, 1))
    for index in range(5):
        assert torch.equal(a[index : index + 1].frames, alone[0][index : index + 1])
        assert torch.equal(b[index : index + 1].frames, alone[1][index : index + 1])


def test_memory_does_not_grow_with_the_clip(wans, monkeypatch):
    model, seen = wans["wan"], []
    vae = model._vae._vae

    def watch(part):
        forward = part.forward

        def watched(x, *, feat_cache, **rest):
            found = forward(x, feat_cache=feat_cache, **rest)
            kept = sum(each.nbytes for each in feat_cache if isinstance(each, torch.Tensor))
            seen.append((x.shape[2], found.shape[2], kept))
            return found

        monkeypatch.setattr(part, "forward", watched)

    for part in (vae.encoder, vae.decoder):
        watch(part)
    peaks = []
    for frames in (17, 65):
        seen.clear()
        z = model.encode(clip(frames, 32, 32))
        for frame in model.decode(z, like=clip(1)).chunks(1):
            del frame
        peaks.append(max(kept for *_, kept in seen))
        assert max(max(taken, given) for taken, given, _ in seen) <= 4
    assert peaks[0] == peaks[1]


def test_lengths_that_the_pipeline_would_cut_are_refused_and_fitted(wans):
    model, video = wans["wan"], clip(7, 250, 186)
    with pytest.raises(ValueError, match=r"multiples of 16"):
        model.encode(video)
    with pytest.raises(ValueError, match=r"7 frames and this model takes 1 and multiples of 4 more; .*\(9\)"):
        model.encode(clip(7))
    fit = Fit.to(video, area=64 * 64, grid=model.grid)
    z = model.encode(fit.apply(video))
    assert len(z) == 3
    restored = fit.restore(model.decode(z, like=video))
    assert (len(restored), restored.height, restored.width) == (7, 250, 186)


def test_latents_may_be_drawn(wans):
    model, video = wans["wan"], clip(5)
    z, draw = model.encode(video), noise(wans["wan"], 2)
    assert torch.equal(model.encode(video, noise=0 * draw), z)
    assert not torch.equal(model.encode(video, noise=draw), z)


# What the network is told.


@pytest.fixture
def told(wans, monkeypatch):
    """What the networks of each model are called with."""
    calls: list[dict[str, Any]] = []
    for model in wans.values():
        for number, network in enumerate(model._networks):

            def watched(x, time, text, *, forward=network.forward, number=number, **rest):
                calls.append({"x": x, "time": time, "text": text, "network": number, **rest})
                return forward(x, time, text, **rest)

            monkeypatch.setattr(network, "forward", watched)
    return calls


def test_times_are_told_unrounded_and_the_shift_is_the_files_or_ones_own(wans, told):
    model = wans["wan"]
    condition = Condition(text=model.text(PROMPT))
    for step in model.schedule(7):
        model.predict(Branch(noise(model), step, condition))
    levels = [1 + i / 7 * (0.001 - 1) for i in range(7)]
    wanted = [1000 * SHIFT * u / (1 + (SHIFT - 1) * u) for u in levels]
    assert [float(call["time"]) for call in told] == pytest.approx(wanted, rel=1e-6)
    assert model.schedule(4, shift=1)[2].start.noise == pytest.approx(1 + 0.5 * (0.001 - 1))
    assert model.schedule(4, invert=True)[0].start.noise == 0


def test_a_boundary_without_a_second_network_is_ignored(tmp_path):
    # The conversion script wrote one into every checkpoint from text.
    model = loaded_wan(tiny_wan(tmp_path / "wan", index={"boundary_ratio": 0.875}))
    plain = loaded_wan(tiny_wan(tmp_path / "plain"))
    for step in model.schedule(3):
        branch = Branch(noise(model), step, Condition(text=model.text(PROMPT)))
        assert torch.equal(*model.predict(branch), *plain.predict(branch))


def test_two_networks_are_for_noisy_and_for_clean_latents(wans, told):
    model = wans["wan-a14b"]
    condition = Condition(text=model.text(PROMPT))
    steps = model.schedule(8)
    for step in steps:
        model.predict(Branch(noise(model), step, condition))
    assert [call["network"] for call in told] == [int(step.timestep < 875) for step in steps]
    assert len({call["network"] for call in told}) == 2


def test_given_latents_are_told_as_clean_and_every_path_ends_there(wans, told):
    model, video = wans["wan-ti2v"], clip()
    picture = model.picture(video[:1].frames, fps=24)
    assert torch.allclose(picture.latents, model.encode(video)[:1], atol=1e-5)
    condition = Condition(text=model.text(PROMPT), picture=picture)
    z = noise(model, size=(4, 6))

    def denoise(x, step):
        return model.predict(Branch(x, step, condition))[0]

    *_, found = sample(denoise, z, model.schedule(4))
    torch.testing.assert_close(found[:1], picture.latents, rtol=0, atol=1e-5)
    for call, step in zip(told, model.schedule(4), strict=True):
        assert call["time"].shape == (1, 3 * 2 * 3)
        assert call["time"][0, :6].tolist() == [0] * 6
        assert call["time"][0, 6:].tolist() == pytest.approx([step.timestep] * 12)
        assert torch.equal(call["x"][0, :, :1], batched(picture.latents)[0])


def test_several_latents_may_be_given(wans):
    model, video = wans["wan-ti2v"], clip()
    known = model.encode(video)[:2]
    picture = model.picture(video[:1].frames, fps=24, latents=known)
    condition = Condition(text=model.text(PROMPT), picture=picture)
    *_, found = sample(
        lambda x, step: model.predict(Branch(x, step, condition))[0],
        noise(model, size=(4, 6)),
        model.schedule(3),
    )
    torch.testing.assert_close(found[:2], known, rtol=0, atol=1e-5)


def test_prompts_are_cleaned_and_padded_with_zeros(wans):
    model = wans["wan"]
    text = model.text("a  red car &amp;amp; dog\n")
    assert cleaned("a  red car &amp;amp; dog\n") == "a red car & dog"
    assert torch.equal(text.states, model.text("a red car & dog").states)
    own = len(text.prompt.ids)
    assert text.states.shape == (LENGTH, WIDTH)
    assert text.states[own:].abs().sum() == 0
    assert (text.states[:own].norm(dim=-1) > 0).all()
    assert text.prompt.length == LENGTH
    assert text.prompt.find("red car") == [1, 2]
    with pytest.raises(ValueError, match=rf"has 33 tokens and the model reads {LENGTH - 1}; cut "):
        model.text("dog " * 33)


def test_models_that_read_pictures_take_512_tokens_of_text(wans, told):
    model = wans["wan-i2v"]
    assert model.text(PROMPT).states.shape == (512, WIDTH)
    picture = model.picture(clip(1).frames, fps=16, frames=9)
    assert (picture.latents.shape, picture.embedding.shape) == ((3, 4 + CHANNELS, 8, 12), (1, 5, WIDTH))
    flags = picture.latents[:, :4]
    assert (flags[0] == 1).all()
    assert not flags[1:].any()
    model.predict(Branch(noise(model), model.schedule(2)[0], Condition(model.text(PROMPT), picture)))
    assert told[0]["encoder_hidden_states_image"].shape == (1, 5, WIDTH)


def test_branches_are_the_same_alone_and_together(wans):
    model, step = wans["wan"], wans["wan"].schedule(3)[1]
    branches = [
        Branch(noise(model, seed=n), step, Condition(text=model.text(p))) for n, p in enumerate(("", PROMPT))
    ]
    alone = model.predict(*branches)
    with model.changed(AttentionHook()):
        together = model.predict(*branches)
    for one, other in zip(alone, together, strict=True):
        close(one, other)


def test_a_masked_pixel_of_any_frame_counts(wans):
    model = wans["wan-vace"]
    for frame in (0, 1, 4, 5):
        white = torch.zeros(9, 3, 64, 96, dtype=torch.uint8)
        white[frame, :, 11, 13] = 255
        cells = model.masked(clip(), Mask(Video.of(white, 16)))[:, 2 * CHANNELS :]
        (at,) = cells.nonzero().tolist()
        assert at == [-(-frame // 4), 3 * 8 + 5, 1, 1]


# What is refused.


def test_conditions_of_another_kind_are_refused(wans):
    text, led = wans["wan"], wans["wan-i2v"]
    step = text.schedule(2)[0]
    with pytest.raises(ValueError, match="led by a prompt alone; use one that a picture leads"):
        text.picture(clip(1).frames, fps=16)
    with pytest.raises(ValueError, match="say how many frames"):
        led.picture(clip(1).frames, fps=16)
    with pytest.raises(ValueError, match="first frame only"):
        led.picture(clip(1).frames, fps=16, frames=9, last=clip(1).frames)
    with pytest.raises(ValueError, match="a first and a last frame; give both"):
        wans["wan-flf2v"].picture(clip(1).frames, fps=16, frames=9)
    with pytest.raises(ValueError, match="this Wan reads a text and a picture and was given a text;"):
        led.predict(Branch(noise(led), step, Condition(text=led.text(PROMPT))))
    with pytest.raises(ValueError, match="this Wan reads a text and was given a text and an image's latents"):
        text.predict(Branch(noise(text), step, Condition(text=text.text(PROMPT), beside=noise(text))))
    with pytest.raises(ValueError, match="reads no mask; use one that does"):
        text.masked(clip(), Mask(clip()))
    with pytest.raises(ValueError, match="strength has 3 numbers; this model reads a control in 2 layers"):
        condition = Condition(text=text.text(PROMPT), strength=(1, 1, 1))
        wans["wan-vace"].predict(Branch(noise(text), step, condition))


def test_parts_that_do_not_belong_together_are_refused(tmp_path):
    folder = tiny_wan(tmp_path / "wan", network={"in_channels": CHANNELS + 1})
    with pytest.raises(ValueError, match="takes 9 channels and the VAE makes 8"):
        loaded_wan(folder)
    folder = tiny_wan(tmp_path / "other", network={"text_dim": 8})
    with pytest.raises(ValueError, match="texts of width 8 and the text encoder makes 16"):
        loaded_wan(folder)


# As a model.


@pytest.mark.parametrize("name", [*TINY_WANS, *EXTRA_WANS])
def test_every_kind_is_a_backbone_and_has_an_outline(wans, folders, name):
    model, shape = wans[name], outline(folders[name], dtype=torch.float32)
    for each in (model, shape):
        assert isinstance(each, Backbone)
        assert isinstance(each, ClipModel)
        assert (each.native_size, each.native_frames, each.native_fps) == ((128, 128), 17, 8)
    assert (model.conditions, model.options, model.grid) == (shape.conditions, shape.options, shape.grid)
    assert model.weight_bytes() == shape.weight_bytes()
    assert model.activation_bytes((8, 12)) > model.feature_bytes((8, 12)) > 0
    assert shape.text is not None
    assert shape.text(PROMPT).states.shape == model.text(PROMPT).states.shape


def test_half_precision_spares_the_autoencoder_and_what_must_be_exact(folders):
    half = loaded_wan(folders["wan"], dtype=torch.bfloat16)
    network = half._networks[0]
    assert half.dtype == torch.bfloat16
    assert half._vae._vae.dtype == torch.float32
    kinds = {name: weight.dtype for name, weight in network.named_parameters()}
    assert kinds["condition_embedder.time_embedder.linear_1.weight"] == torch.float32
    assert kinds["blocks.0.attn1.to_q.weight"] == torch.bfloat16
    z = noise(half)
    (found,) = half.predict(Branch(z, half.schedule(2)[0], Condition(text=half.text(PROMPT))))
    assert found.dtype == torch.float32


def test_two_models_with_the_same_weights_are_the_same(wans, folders, tmp_path):
    assert loaded_wan(folders["wan"]).identity() == wans["wan"].identity()
    assert wans["wan-ti2v"].identity() != wans["wan"].identity()


def test_another_scheduler_tells_its_shift(folders, tmp_path):
    folder = tiny_wan(tmp_path / "wan")
    file = folder / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps({"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 2.0}))
    assert loaded_wan(folder).shift == 2
