"""FateZero from video to video."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
import torch
from torch import Tensor

from rescene import AttentionHook, FateZero, Notes, StableDiffusion, Video, load
from rescene.attention import Attend, Call, Follow
from rescene.backbones.stable_diffusion import DecodedLatents
from rescene.fields import Window
from rescene.methods import Run
from rescene.methods.fatezero import Place
from rescene.methods.fatezero.edit import FateZeroEdit
from rescene.methods.fatezero.inversion import Inversion, SourceBranch
from rescene.progress import T
from rescene.sampling import sample
from rescene.typing import Keys, Queries
from tests.methods.edits import JEEP, MASKED
from tests.tiny import LENGTH, tiny_sd

Edit = Callable[..., FateZero]
LatentsOf = Callable[[Video], Tensor]


def moving(frames: int, height: int, width: int) -> Video:
    return Video.of(torch.rand(frames, 3, height, width, generator=torch.Generator().manual_seed(0)), 8)


def stop_while(wanted: str, error: type[BaseException]) -> Any:
    """Progress that stops after the first step of one part of the work."""

    def progress(iterable: Iterable[T], /, *, description: str, total: int) -> Iterable[T]:
        for number, item in enumerate(iterable):
            if description == wanted and number:
                raise error
            yield item

    return progress


def test_the_result_has_the_sources_size_length_and_rate(
    model: StableDiffusion, clip: Video, fatezero: Edit
) -> None:
    edited = fatezero()(model, clip)
    assert (len(edited), edited.height, edited.width, edited.fps) == (4, 64, 128, 8)
    assert edited.frames.isfinite().all()
    assert not torch.allclose(edited.frames, clip.frames, atol=0.1)


def test_the_same_edit_gives_the_same_frames(
    model: StableDiffusion, clip: Video, fatezero: Edit, latents_of: LatentsOf
) -> None:
    one, other = (latents_of(fatezero(**MASKED)(model, clip)) for _ in range(2))
    assert torch.equal(one, other)


def inverted(edit: FateZeroEdit, video: Video) -> tuple[SourceBranch, Inversion]:
    """The source's branch and trajectory, computed here."""
    clean, schedule = edit.model.encode(video), edit.model.schedule(edit.settings.num_inference_steps)
    source = edit.source_branch((clean.shape[-2], clean.shape[-1]))
    back = sample(source.predict, clean, schedule.inverted())
    return source, Inversion(video, torch.stack([clean, *back]))


@pytest.mark.parametrize("share", [0, 1])
def test_an_edit_towards_the_source_without_guidance_is_the_reconstruction(
    model: StableDiffusion, clip: Video, fatezero: Edit, share: int
) -> None:
    """When nothing is followed, and when everything follows what the reconstruction itself attends to."""
    same = fatezero(self_replace=share, cross_replace=share, guidance_scale=1, target=fatezero().source)
    edit = FateZeroEdit(same, model)
    (source, inversion), schedule = inverted(edit, clip), model.schedule(4)
    expected = list(sample(source.predict, inversion.noise, schedule))
    starts = [inversion.noise, *expected]
    edited = edit.edit(inversion, lambda step: source.attend(starts[step], schedule[step])[1])
    torch.testing.assert_close(list(edited), expected, rtol=0, atol=1e-3)


@pytest.fixture
def kept_inversions(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cache for many tests."""
    monkeypatch.setenv("RESCENE_CACHE", str(tmp_path_factory.getbasetemp() / "inversions"))


@cache
def unchanged(model: StableDiffusion, clip: Video, *, masked: bool) -> Tensor:
    """The result with no field changed."""
    edited = replace(JEEP, **MASKED if masked else {})(model, clip)
    assert isinstance(edited.clip, DecodedLatents)
    return edited.clip.latents


@pytest.mark.usefixtures("kept_inversions")
@pytest.mark.parametrize(
    ("masked", "changed"),
    [
        (False, {"source": "a cat"}),
        (False, {"target": "a red jeep on the beach"}),
        (False, {"negative_prompt": "cat"}),
        (False, {"num_inference_steps": 5}),
        (False, {"guidance_scale": 2}),
        (False, {"self_replace": 0.25}),
        (False, {"self_replace": (0.5, 0.8)}),
        (False, {"cross_replace": 0.25}),
        (False, {"word_windows": {"jeep": 0.0}}),
        (False, {"emphasize": {"red": 5.0}}),
        (False, {"alignment": "refine"}),
        (False, {"frame_keys": ("own",)}),
        (False, {"frame_keys": ("first", -1)}),
        (False, {"mask_words": ("jeep",)}),
        (True, {"mask_threshold": 0.3}),
        (True, {"keep_background": False}),
        (True, {"target_mask_words": ("road",)}),
    ],
    ids=str,
)
def test_every_field_changes_the_result(
    model: StableDiffusion,
    clip: Video,
    fatezero: Edit,
    latents_of: LatentsOf,
    *,
    masked: bool,
    changed: dict[str, Any],
) -> None:
    after = latents_of(fatezero(**{**(MASKED if masked else {}), **changed})(model, clip))
    assert not torch.allclose(after, unchanged(model, clip, masked=masked), atol=1e-4)


@pytest.mark.parametrize("fields", [{}, MASKED], ids=str)
def test_all_stores_give_the_same_frames_bit_for_bit(
    model: StableDiffusion,
    clip: Video,
    fatezero: Edit,
    latents_of: LatentsOf,
    *,
    fields: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places: tuple[Place, ...] = ("recompute", "ram", "disk")
    results: list[Tensor] = []
    for place, run in itertools.product(places, ("inverted", "inversion kept")):
        monkeypatch.setenv("RESCENE_CACHE", str(tmp_path / place))
        files = len(list(tmp_path.glob(f"{place}/*")))
        assert files == (1 if run == "inversion kept" else 0)
        results.append(latents_of(fatezero(**fields, store=place, num_inference_steps=3)(model, clip)))
    assert all(torch.equal(results[0], other) for other in results[1:])


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("part", ["Inverting", "Editing"])
def test_a_stopped_edit_leaves_no_files_and_no_hooks(
    model: StableDiffusion,
    clip: Video,
    fatezero: Edit,
    *,
    part: str,
    error: type[BaseException],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with pytest.raises(error):
        fatezero(store="disk")(model, clip, Run(progress=stop_while(part, error)))
    assert list(temporary.iterdir()) == []
    assert not model.control.installed
    fatezero()(model, clip)


def test_further_targets_start_from_the_same_inversion(
    model: StableDiffusion, clip: Video, fatezero: Edit, calls: list[tuple[int, int]]
) -> None:
    fatezero()(model, clip)
    inverting = calls[:4]
    assert inverting == [(step, 1) for step in (3, 2, 1, 0)]
    editing = calls[4:]
    calls.clear()
    fatezero(target="a watercolor painting of a jeep on the road", store="ram")(model, clip)
    assert calls == editing
    calls.clear()
    fatezero(source="a jeep on the road")(model, clip)
    assert calls[:4] == inverting


def test_the_network_runs_as_often_as_planned(
    model: StableDiffusion, clip: Video, fatezero: Edit, calls: list[tuple[int, int]]
) -> None:
    """Each step runs both branches of the edit, and the source's only inside a window."""
    fatezero(self_replace=0.5, cross_replace=0.25)(model, clip)
    assert calls[4:] == [(0, 1), (0, 2), (1, 1), (1, 2), (2, 2), (3, 2)]
    calls.clear()
    fatezero(store="ram", source="a silver jeep in the road")(model, clip)
    assert len(calls) == 4 + 4


class Louder(AttentionHook):
    def around_attention(self, call: Call, q: Queries, k: Keys, v: Keys, proceed: Attend) -> Queries:
        return proceed(q, k, 1.5 * v)


def test_a_users_hook_around_a_method_holds_and_is_not_kept(
    model: StableDiffusion, clip: Video, fatezero: Edit, latents_of: LatentsOf, cache_folder: Path
) -> None:
    with model.changed(Louder()):
        louder = latents_of(fatezero()(model, clip))
        assert not cache_folder.exists()
    plain = latents_of(fatezero()(model, clip))
    assert not torch.allclose(louder, plain, atol=1e-3)
    with model.changed(Louder()):
        assert torch.equal(latents_of(fatezero()(model, clip)), louder)


def test_outside_the_mask_the_sources_latents_are_put_back(
    model: StableDiffusion, clip: Video, fatezero: Edit
) -> None:
    edit, notes, schedule = FateZeroEdit(fatezero(**MASKED), model), Notes(), model.schedule(4)
    source, inversion = inverted(edit, clip)
    steps = list(edit.edit(inversion, lambda i: source.attend(inversion.at(i), schedule[i])[1], notes))
    kept = edit.fusion.background_steps
    assert list(kept) == [0, 1]
    for step, (z, mask) in enumerate(zip(steps, notes.masks, strict=True)):
        outside = ~mask.at(inversion.size)[:, None].expand_as(z)
        assert 0.1 < outside.float().mean() < 0.9
        assert torch.equal(z[outside], inversion.at(step)[outside]) == (step in kept)
        assert not torch.allclose(z[~outside], inversion.at(step)[~outside], atol=1e-3)


@pytest.mark.parametrize(
    ("window", "kept"), [((0.2, 0.8), [2, 3, 4, 5, 6]), ((0.5, 1), [5, 6, 7, 8, 9]), (0, [])]
)
def test_the_background_is_held_within_its_window_and_to_the_end_if_that_is_1(
    model: StableDiffusion, fatezero: Edit, window: Window, kept: list[int]
) -> None:
    edit = fatezero(**MASKED, background_window=window, num_inference_steps=10)
    assert list(FateZeroEdit(edit, model).fusion.background_steps) == kept


def test_without_blending_all_places_follow_the_source_and_the_rest_is_held_all_the_same(
    model: StableDiffusion, clip: Video, fatezero: Edit
) -> None:
    edit = FateZeroEdit(fatezero(**MASKED, blend_attention=False), model)
    source, inversion = inverted(edit, clip)
    fusion, attention = edit.fusion, source.attend(inversion.at(0), model.schedule(4)[0])[1]
    (follow,) = [hook for hook in fusion.hooks(0, attention, edit.layers((8, 8))) if isinstance(hook, Follow)]
    assert follow.edited is None
    assert fusion.background_steps
    assert fusion.source_mask(attention["heat"]) is not None


@pytest.mark.parametrize(("height", "width"), [(64, 64), (192, 320), (128, 64)])
@pytest.mark.parametrize("frames", [1, 2])
def test_any_size_and_length_works(
    model: StableDiffusion, fatezero: Edit, latents_of: LatentsOf, height: int, width: int, *, frames: int
) -> None:
    edit = fatezero(num_inference_steps=2, **MASKED, target_mask_words=("red jeep",))
    z = latents_of(edit(model, moving(frames, height, width)))
    assert z.shape == (frames, 4, height // 8, width // 8)
    assert z.isfinite().all()


def test_latents_may_have_other_than_four_channels(
    tmp_path: Path, clip: Video, fatezero: Edit, latents_of: LatentsOf
) -> None:
    model = load(tiny_sd(tmp_path / "model", vae="tiny"), device="cpu")
    edited = fatezero(num_inference_steps=2, **MASKED)(model, clip)
    assert latents_of(edited).shape == (4, 16, 8, 16)
    assert edited[:1].frames.shape == (1, 3, 64, 128)


def test_frames_are_decoded_when_they_are_read(
    model: StableDiffusion, clip: Video, fatezero: Edit, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    pixels = model.pixels

    def counted(latents: Tensor) -> Tensor:
        decoded.append(len(latents))
        return pixels(latents)

    monkeypatch.setattr(model, "pixels", counted)
    edited = fatezero()(model, clip)
    assert decoded == []
    assert len(edited[1:3].frames) == 2
    assert decoded == [1, 1]


def test_notes_hold_heat_masks_and_the_reconstruction(
    model: StableDiffusion, clip: Video, fatezero: Edit
) -> None:
    notes = Notes()
    fatezero(mask_words=("jeep",), self_replace=0.25)(model, clip, Run(notes=notes))
    assert notes.source_words is not None
    assert notes.target_words is not None
    assert notes.source_words.shape[:2] == notes.target_words.shape[:2] == (4, LENGTH)
    assert len(notes.masks) == 4
    assert notes.reconstruction
    assert notes.reconstruction.frames.shape == clip.frames.shape


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"source": " "}, "source prompt is empty.*shows"),
        ({"target": ""}, "target prompt is empty.*should show"),
        ({"num_inference_steps": 0}, "num_inference_steps is 0"),
        ({"guidance_scale": -1}, "guidance_scale is -1.*7.5"),
        ({"mask_threshold": 1.5}, "mask_threshold is 1.5.*between 0 and 1"),
        ({"keep_background": True}, "need mask_words"),
        ({"target_mask_words": ("red",)}, "need mask_words"),
        ({"blend_attention": False}, "mask_words are for keep_background"),
        ({"frame_keys": ("mid",)}, "middle"),
        ({"alignment": "both"}, "'both'.*replace, refine"),
        ({"store": "tape"}, "'tape'.*recompute, ram, disk"),
    ],
    ids=str,
)
def test_wrong_fields_are_refused_at_once(
    fatezero: Edit, fields: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # As it is for users.
    with pytest.raises(ValueError, match=message):
        fatezero(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mask_words": ("bus",)}, "'bus' is not in the prompt; its words are: a, silver"),
        ({"mask_words": ("red",)}, "'red' is not in the prompt"),
        ({**MASKED, "target_mask_words": ("silver",)}, "'silver' is not in the prompt"),
        ({"word_windows": {"silver": 0.5}}, "'silver' is not in the prompt"),
        ({"emphasize": {"silver": 2.0}}, "'silver' is not in the prompt"),
        ({"self_replace": 1.5}, "from 0 to 1"),
        ({"cross_replace": (0.8, 0.2)}, "in that order"),
        ({"word_windows": {"red": -0.5}}, "from 0 to 1"),
        ({"num_inference_steps": 1000}, "1 to 999"),
        ({"alignment": "replace", "target": "a jeep"}, "as many words"),
        ({"source": "jeep " * LENGTH}, "tokens and the model reads"),
        ({"target": "jeep " * LENGTH}, "tokens and the model reads"),
        ({"negative_prompt": "jeep " * LENGTH}, "tokens and the model reads"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value)[:40],
)
def test_what_does_not_fit_the_model_is_refused_before_the_network_runs(
    model: StableDiffusion,
    clip: Video,
    fatezero: Edit,
    calls: list[tuple[int, int]],
    *,
    fields: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message):
        fatezero(**fields)(model, clip)
    assert calls == []


def test_a_size_that_does_not_fit_is_refused_with_one_that_does(
    model: StableDiffusion, fatezero: Edit, calls: list[tuple[int, int]]
) -> None:
    with pytest.raises(ValueError, match=r"100x64.*multiples of 64.*resize\(64, 128\)"):
        fatezero()(model, moving(1, 64, 100))
    assert calls == []
