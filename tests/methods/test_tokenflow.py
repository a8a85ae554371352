"""TokenFlow from video to video."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from diffusers import ControlNetModel
from torch import Tensor

from rescene import AttentionHook, Notes, StableDiffusion, TokenFlow, Video
from rescene.attention import Blend, Call, Segments
from rescene.methods.tokenflow import Base
from rescene.typing import Tokens

JEEP = TokenFlow(
    source="a silver jeep on the road",
    target="a red jeep on the road",
    num_inference_steps=3,
    guidance_scale=4,
    pivot_interval=2,
)
BASES = get_args(Base)
LatentsOf = Callable[[Video], Tensor]


def moving(frames: int) -> Video:
    """Frames of their own each."""
    return Video.of(torch.rand(frames, 3, 64, 64, generator=torch.Generator().manual_seed(0)), 8)


Edit = Callable[..., TokenFlow]


@pytest.fixture(scope="module")
def controlnet(loaded: StableDiffusion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ControlNet for the tiny model that has an effect."""
    folder = tmp_path_factory.mktemp("models") / "tiny-controlnet"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = ControlNetModel.from_unet(
            loaded.unet, conditioning_embedding_out_channels=(4, 4, 8, 8), load_weights_from_unet=True
        )
        for name, weight in net.named_parameters():
            if name.startswith(("controlnet_down_blocks", "controlnet_mid_block", "controlnet_cond")):
                weight.data = 0.3 * torch.randn_like(weight)
    net.save_pretrained(folder)
    return folder


@pytest.fixture
def edit(controlnet: Path) -> Edit:
    """The same edit of few steps, with other fields as asked for."""

    def make(**fields: Any) -> TokenFlow:
        return replace(JEEP, controlnet=str(controlnet), **fields)

    return make


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
    same = edit(base=base, target=JEEP.source, guidance_scale=1, strength=strength)
    torch.testing.assert_close(latents_of(same(model, image)), model.encode(image), rtol=1e-4, atol=1e-4)


def test_the_reconstruction_after_ddpm_inversion_is_the_source(
    edit: Edit, model: StableDiffusion, latents_of: LatentsOf
) -> None:
    notes = Notes()
    edit()(model, moving(3), notes=notes)
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
    monkeypatch.setattr(model, "predict", lambda step, *b: seen.append(len(b)) or predict(step, *b))
    for target in ("a red jeep", "a road"):
        edit(inversion=inversion, target=target, base="ddim" if inversion == "ddim" else "sdedit")(
            model, moving(3)
        )
    searches = 2 * JEEP.num_inference_steps
    assert seen.count(1) == JEEP.num_inference_steps + searches


def test_a_control_has_a_say(model: StableDiffusion, edit: Edit, latents_of: LatentsOf) -> None:
    plain, weak, strong = (
        latents_of(edit(base=base, control_weight=weight)(model, moving(3)))
        for base, weight in (("sdedit", 1.0), ("controlnet", 1e-6), ("controlnet", 1.0))
    )
    torch.testing.assert_close(weak, plain, rtol=1e-3, atol=1e-3)
    assert not torch.allclose(strong, plain, atol=1e-2)


def test_frames_have_controls_of_their_own_in_the_inversion(
    model: StableDiffusion, edit: Edit, latents_of: LatentsOf
) -> None:
    notes = Notes()
    edit(base="controlnet", inversion="ddpm", frames_per_batch=2)(model, moving(3), notes=notes)
    assert notes.reconstruction is not None
    rebuilt = latents_of(notes.reconstruction)
    torch.testing.assert_close(rebuilt, model.encode(moving(3)), rtol=1e-4, atol=1e-4)


class Halved(AttentionHook):
    def around_layer(self, call: Call, x: Tokens, proceed: Callable[[Tokens], Tokens]) -> Tokens:
        return 0.5 * proceed(x)


def test_hooks_around_an_edit_hold_inside_it(
    edit: Edit, model: StableDiffusion, latents_of: LatentsOf
) -> None:
    plain = latents_of(edit()(model, moving(3)))
    with model.hooked(Halved()):
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


def test_segments_cover_all_frames_and_have_one_pivot_each() -> None:
    generator = torch.Generator().manual_seed(0)
    for frames in range(1, 20):
        for interval in range(1, 9):
            segments = Segments(frames, interval)
            parts = [segments[index] for index in range(len(segments))]
            assert [frame for part in parts for frame in part] == list(range(frames))
            assert all(pivot in part for pivot, part in zip(segments.draw(generator), parts, strict=True))


def test_weights_add_up_and_name_the_own_segment_and_the_one_before() -> None:
    segments = Segments(21, 4)
    pivots = segments.draw(torch.Generator().manual_seed(0))
    for frame in range(21):
        shares = segments.shares(frame, pivots)
        assert sum(weight for _, weight in shares) == pytest.approx(1)
        assert [segment for segment, _ in shares] == ([frame // 4, frame // 4 - 1] if frame >= 4 else [0])


@pytest.mark.parametrize("interval", [1, 3, 8])
def test_between_pivots_frames_change_evenly_and_pivots_are_themselves(interval: int) -> None:
    segments = Segments(21, interval)
    pivots = segments.draw(torch.Generator().manual_seed(interval))
    mixes = [
        sum(weight * pivots[at] for at, weight in segments.shares(f, pivots, "between")) for f in range(21)
    ]
    assert mixes == pytest.approx([min(max(f, pivots[0]), pivots[-1]) for f in range(21)])
    assert all(segments.shares(pivot, pivots, "between") == [(at, 1.0)] for at, pivot in enumerate(pivots))


def test_weights_are_the_published_ones() -> None:
    expected = {
        8: [0.6225, 0.6514, 0.6792, 0.7058, 0.7311, 0.7109, 0.6971, 0.6869],
        4: [0.6225, 0.6792, 0.7311, 0.6971],
        3: [0.6608, 0.7311, 0.69],
        1: [0.7311],
    }
    for interval, weights in expected.items():
        segments = Segments(2 * interval, interval)
        ours = [segments.shares(interval + place, [])[0][1] for place in range(interval)]
        assert ours == pytest.approx(weights, abs=1e-4)


@pytest.mark.parametrize("most", [4, 5, 8])
def test_groups_cover_all_segments_once_and_hold_at_most_so_many_pivots(most: int) -> None:
    for count in range(1, 30):
        segments = Segments(count, 1)
        groups = list(segments.groups(most))
        assert [segment for own, _ in groups for segment in own] == list(range(count))
        assert len(groups) == 1 or count > most
        for own, context in groups:
            assert len({*own, *context}) == len(own) + len(context) <= most
            assert not own.start or 0 in context


@pytest.mark.parametrize("blend", get_args(Blend))
def test_frames_copy_from_pivots_of_their_group_alone(blend: Blend) -> None:
    for interval in (1, 2, 5):
        segments = Segments(43, interval)
        pivots = segments.draw(torch.Generator().manual_seed(interval))
        for own, context in segments.groups(4):
            for frame in (frame for segment in own for frame in segments[segment]):
                assert {at for at, _ in segments.shares(frame, pivots, blend)} <= {*own, *context}


@pytest.mark.parametrize("blend", get_args(Blend))
def test_the_blend_decides(edit: Edit, model: StableDiffusion, latents_of: LatentsOf, blend: Blend) -> None:
    video = moving(6)
    own = edit(base="sdedit", blend=blend, pivot_interval=1, num_inference_steps=1)
    z = latents_of(own(model, video))
    other = latents_of(replace(own, blend="between")(model, video))
    assert torch.equal(z, other) == (blend == "between")
