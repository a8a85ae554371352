"""TokenFlow from video to video."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from rescene import AttentionHook, Notes, StableDiffusion, Video, cache
from rescene.attention import Call
from rescene.methods import Run
from rescene.methods.tokenflow import Base, Blend
from rescene.typing import Tokens
from tests.methods.edits import ROAD, Edit, LatentsOf, moving
from tests.tiny import loaded_sd, tiny_sd

BASES = get_args(Base)


@pytest.mark.parametrize("base", BASES)
def test_the_result_has_the_sources_size_length_and_rate(
    edit: Edit, model: StableDiffusion, clip: Video, base: Base
) -> None:
    edited = edit(base=base)(model, clip)
    assert (len(edited), edited.height, edited.width, edited.fps) == (4, 64, 128, 8)
    assert edited.frames.isfinite().all()
    assert not torch.allclose(edited.frames, clip.frames, atol=0.1)


@pytest.mark.parametrize(("frames", "interval"), [(1, 8), (5, 2), (5, 3), (3, 8), (4, 1)])
def test_no_frame_is_cut_whatever_the_interval(
    edit: Edit, model: StableDiffusion, frames: int, interval: int
) -> None:
    assert len(edit(pivot_interval=interval)(model, moving(frames))) == frames


@pytest.mark.parametrize("base", BASES)
def test_frames_per_batch_do_not_change_the_result(
    edit: Edit, model: StableDiffusion, latents_of: LatentsOf, base: Base
) -> None:
    results = [
        latents_of(
            edit(base=base, frames_per_batch=count, joint_pivots=4, num_inference_steps=2)(model, moving(7))
        )
        for count in (2, 100)
    ]
    torch.testing.assert_close(*results, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("inversion", ["ddim", "ddpm"])
@pytest.mark.parametrize("base", BASES)
def test_a_still_video_stays_still(
    edit: Edit, model: StableDiffusion, latents_of: LatentsOf, base: Base, inversion: str
) -> None:
    still = Video.of(moving(1).frames.expand(6, -1, -1, -1), 8)
    z = latents_of(edit(base=base, inversion=inversion, joint_pivots=4)(model, still))
    torch.testing.assert_close(z, z[:1].expand_as(z), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("base", ["pnp", "sdedit", "controlnet"])
@pytest.mark.parametrize("strength", [0.4, 1.0])
def test_the_source_towards_its_own_prompt_comes_back_exactly(
    edit: Edit, model: StableDiffusion, latents_of: LatentsOf, base: Base, strength: float
) -> None:
    image = moving(1)
    same = edit(base=base, target=ROAD.source, guidance_scale=1, strength=strength)
    torch.testing.assert_close(latents_of(same(model, image)), model.encode(image), rtol=1e-4, atol=1e-4)


def test_the_reconstruction_after_ddpm_inversion_is_the_source(
    edit: Edit, model: StableDiffusion, latents_of: LatentsOf
) -> None:
    notes = Notes()
    edit()(model, moving(3), Run(notes=notes))
    assert notes.reconstruction is not None
    torch.testing.assert_close(
        latents_of(notes.reconstruction), model.encode(moving(3)), rtol=1e-4, atol=1e-4
    )


def test_the_seed_decides(edit: Edit, model: StableDiffusion, latents_of: LatentsOf) -> None:
    first, again, other = (latents_of(edit(seed=seed)(model, moving(4))) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=1e-2)


def test_less_strength_stays_closer_to_the_source(
    edit: Edit, model: StableDiffusion, latents_of: LatentsOf
) -> None:
    clean = model.encode(moving(3))
    changes = [
        (latents_of(edit(strength=strength)(model, moving(3))) - clean).norm() for strength in (0.3, 1.0)
    ]
    assert changes == sorted(changes)


@pytest.mark.parametrize("base", ["pnp", "sdedit"])
def test_a_second_edit_of_a_clip_is_equal_bit_for_bit_but_looks_less_at_the_source(
    model: StableDiffusion, edit: Edit, latents_of: LatentsOf, base: Base, calls: list[tuple[int, int]]
) -> None:
    video = moving(5)
    results = [latents_of(edit(base=base, feature_window=0.4)(model, video)) for _ in range(2)]
    assert torch.equal(*results)
    inverted, searched, edits = 3, 2 * 3, 2 * 2 * 3
    # Features of the pivots and of the frames, at the one step of three that takes them, in the second edit.
    injected = 2 if base == "pnp" else 0
    assert [branches for _, branches in calls].count(1) == inverted + searched + injected
    assert len(calls) == inverted + searched + injected + edits


def test_what_was_found_depends_on_the_source_and_not_on_the_edit(
    model: StableDiffusion, edit: Edit, latents_of: LatentsOf, cache_folder: Path
) -> None:
    first = latents_of(edit(base="sdedit", target="a dog")(model, moving(4)))
    for path in cache_folder.iterdir():
        path.unlink()
    edit(base="pnp", target="a red cat")(model, moving(4))
    assert torch.equal(first, latents_of(edit(base="sdedit", target="a dog")(model, moving(4))))


@pytest.mark.parametrize("inversion", ["ddim", "ddpm"])
def test_a_second_edit_finds_the_inversion(
    edit: Edit, model: StableDiffusion, monkeypatch: pytest.MonkeyPatch, inversion: str
) -> None:
    seen: list[int] = []
    predict = model.predict
    monkeypatch.setattr(model, "predict", lambda *b: seen.append(len(b)) or predict(*b))
    for target in ("a red jeep", "a road"):
        edit(inversion=inversion, target=target, base="ddim" if inversion == "ddim" else "sdedit")(
            model, moving(3)
        )
    searches = 2 * ROAD.num_inference_steps
    assert seen.count(1) == ROAD.num_inference_steps + searches


@pytest.mark.parametrize("changed", ["source", "frames", "steps", "model"])
def test_what_another_source_or_model_left_in_the_cache_is_not_taken(
    edit: Edit,
    model: StableDiffusion,
    latents_of: LatentsOf,
    cache_folder: Path,
    tmp_path: Path,
    changed: str,
) -> None:
    first, video = edit(base="sdedit"), moving(3)
    first(model, video)
    other = replace(first, source="a dog") if changed == "source" else first
    other = replace(other, num_inference_steps=4) if changed == "steps" else other
    video = moving(4) if changed == "frames" else video
    model = loaded_sd(tiny_sd(tmp_path / "other", seed=1)) if changed == "model" else model
    after = latents_of(other(model, video))
    shutil.rmtree(cache_folder)
    assert torch.equal(after, latents_of(other(model, video)))


def test_what_a_full_cache_forgets_is_computed_again(
    edit: Edit, model: StableDiffusion, latents_of: LatentsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = edit(base="sdedit", num_inference_steps=2)
    before = latents_of(short(model, moving(2)))
    monkeypatch.setattr(cache, "MOST_BYTES", 0)
    for _ in range(2):
        assert torch.equal(before, latents_of(short(model, moving(2))))


class Halved(AttentionHook):
    def around_layer(self, call: Call, x: Tokens, proceed: Callable[[Tokens], Tokens]) -> Tokens:
        return 0.5 * proceed(x)


def test_hooks_around_an_edit_hold_inside_it(
    edit: Edit, model: StableDiffusion, latents_of: LatentsOf
) -> None:
    plain = latents_of(edit()(model, moving(3)))
    with model.changed(Halved()):
        hooked = latents_of(edit()(model, moving(3)))
    assert not torch.allclose(plain, hooked, atol=1e-2)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"strength": 0.0}, "strength"),
        ({"strength": 1.5}, "strength"),
        ({"pivot_interval": 0}, "pivot_interval"),
        ({"frames_per_batch": 0}, "frames_per_batch"),
        ({"joint_pivots": 3}, "joint_pivots"),
        ({"feature_window": 1.2}, "window"),
        ({"attention_window": (0.7, 0.2)}, "window"),
    ],
)
def test_settings_out_of_range_are_errors_that_name_them(
    edit: Edit, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        edit(**fields)


@pytest.mark.parametrize("blend", get_args(Blend))
def test_the_blend_decides(edit: Edit, model: StableDiffusion, latents_of: LatentsOf, blend: Blend) -> None:
    video = moving(6)
    own = edit(base="sdedit", blend=blend, pivot_interval=1, num_inference_steps=1)
    z = latents_of(own(model, video))
    other = latents_of(replace(own, blend="between")(model, video))
    assert torch.equal(z, other) == (blend == "between")
