"""Edits and new clips by a tuned model, and FateZero on one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rescene import FateZero, Notes, StableDiffusion, TuneAVideo, TuneAVideoClip, Video, load
from rescene.backbones.changes import Adapter, AdapterHeader
from rescene.methods import Run
from tests.tiny import tiny_sd

LatentsOf = Callable[[Video], Tensor]


@pytest.fixture
def video(clip: Video) -> Video:
    return clip[:3].crop(64, 64)


@pytest.fixture
def motion(model: StableDiffusion, tmp_path: Path) -> Callable[..., Path]:
    """Writes an adapter, untrained or as after a training."""

    def make(*, trained: bool = True, keys: tuple[str, ...] = ("first", "previous")) -> Path:
        about = AdapterHeader(prompt="a car", frame_keys=keys, frames=3, fps=8, height=64, width=64)
        adapter = Adapter.fresh(model, about, convolutions=True, rank=4)
        draw = torch.Generator().manual_seed(1)
        for weight in adapter.trained().values() if trained else ():
            weight.data += 0.05 * torch.randn(weight.shape, generator=draw)
        path = tmp_path / f"{trained}-{'-'.join(keys)}.safetensors"
        adapter.save(path, steps=1)
        return path

    return make


def edit(motion: Path, **fields: Any) -> TuneAVideo:
    return TuneAVideo(motion=motion, **{"target": "a jeep", "num_inference_steps": 2, **fields})


def test_the_result_has_the_sources_size_length_and_rate(
    model: StableDiffusion, video: Video, motion: Callable[..., Path]
) -> None:
    result = edit(motion())(model, video)
    assert (len(result), result.height, result.width, result.fps) == (3, 64, 64, video.fps)
    assert result.frames.isfinite().all()


def test_without_guidance_it_is_the_reconstruction(
    model: StableDiffusion, video: Video, motion: Callable[..., Path], latents_of: LatentsOf
) -> None:
    notes = Notes()
    back = latents_of(edit(motion(), guidance_scale=0.0)(model, video, Run(notes=notes)))
    assert notes.reconstruction is not None
    torch.testing.assert_close(back, latents_of(notes.reconstruction), rtol=0, atol=1e-4)
    off = Notes(reconstructs=False)
    edit(motion(), num_inference_steps=1)(model, video, Run(notes=off))
    assert off.reconstruction is None


def test_every_setting_matters(
    model: StableDiffusion, video: Video, motion: Callable[..., Path], latents_of: LatentsOf
) -> None:
    plain = latents_of(edit(motion())(model, video))
    others = [
        {"target": "a red cat"},
        {"negative_prompt": "road"},
        {"guidance_scale": 3.0},
        {"num_inference_steps": 3},
        {"motion": motion(trained=False)},
        {"motion": motion(keys=("own",))},
    ]
    for other in others:
        changed = latents_of(replace(edit(motion()), **other)(model, video))
        assert not torch.allclose(changed, plain, atol=1e-4), other


def test_a_clip_from_an_adapter_is_as_long_and_large_as_the_tuned_one(
    model: StableDiffusion, motion: Callable[..., Path]
) -> None:
    made = TuneAVideoClip(motion=motion(), prompt="a jeep", num_inference_steps=2)
    clip = made(model)
    assert (len(clip), clip.height, clip.width, clip.fps) == (3, 64, 64, 8)
    assert torch.equal(made(model).frames, clip.frames)
    assert not torch.equal(replace(made, seed=1)(model).frames, clip.frames)
    other = replace(made, num_frames=2, fps=4.0, height=128, width=64)(model)
    assert (len(other), other.height, other.width, other.fps) == (2, 128, 64, 4)


def test_fatezero_on_an_untrained_adapter_attends_as_in_the_tuning(
    tiny_folder: Path,
    video: Video,
    motion: Callable[..., Path],
    fatezero: Callable[..., FateZero],
    latents_of: LatentsOf,
) -> None:
    # In single precision, an edit doubles and redoubles what a different order of summation changes.
    model = load(tiny_folder, device="cpu", dtype=torch.float64)
    # Small latents are all layout: there, FateZero's own frames hold at all levels too.
    plain = latents_of(fatezero(frame_keys=("previous", "first"))(model, video))
    path = motion(trained=False, keys=("previous", "first"))
    torch.testing.assert_close(latents_of(fatezero(motion=path)(model, video)), plain, rtol=0, atol=1e-6)


@pytest.mark.parametrize("store", ["recompute", "ram", "disk"])
def test_fatezero_on_a_tuned_model(
    model: StableDiffusion,
    video: Video,
    motion: Callable[..., Path],
    fatezero: Callable[..., FateZero],
    latents_of: LatentsOf,
    store: str,
) -> None:
    untuned = latents_of(fatezero()(model, video))
    tuned = latents_of(fatezero(motion=motion(), store=store)(model, video))
    assert not torch.allclose(tuned, untuned, atol=1e-3)
    torch.testing.assert_close(tuned, latents_of(fatezero(motion=motion(), store="ram")(model, video)))


def test_frames_of_the_tuning_and_of_the_edit_dont_mix(
    motion: Callable[..., Path], fatezero: Callable[..., FateZero]
) -> None:
    with pytest.raises(ValueError, match="leave them out"):
        fatezero(motion=motion(), frame_keys=("first",))


def test_an_adapter_that_doesnt_fit_is_found_without_computing(
    model: StableDiffusion,
    video: Video,
    motion: Callable[..., Path],
    fatezero: Callable[..., FateZero],
    tmp_path: Path,
) -> None:
    missing = tmp_path / "no.safetensors"
    for wrong in (edit(missing), fatezero(motion=missing)):
        with pytest.raises(FileNotFoundError, match="no adapter"):
            wrong.check(model, video)
    with pytest.raises(FileNotFoundError, match="no adapter"):
        TuneAVideoClip(motion=missing, prompt="a jeep").check(model)
    other = load(tiny_sd(tmp_path / "other", vae="tiny"), device="cpu")
    for wrong in (edit(motion()), fatezero(motion=motion())):
        with pytest.raises(ValueError, match="another shape"):
            wrong.check(other, video)
    TuneAVideoClip(motion=motion(), prompt="a jeep").check(model)
    with pytest.raises(ValueError, match="multiples"):
        TuneAVideoClip(motion=motion(), prompt="a jeep", height=72).check(model)


def test_impossible_settings_are_refused() -> None:
    path = Path("a.safetensors")
    for wrong in ({"num_inference_steps": 0}, {"guidance_scale": -1.0}, {"target": " "}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            edit(path, **wrong)
    for wrong in ({"num_frames": 0}, {"fps": 0.0}, {"prompt": ""}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            TuneAVideoClip(**{"motion": path, "prompt": "a jeep", **wrong})
