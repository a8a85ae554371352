"""One-shot tuning on a tiny model."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rescene import FrameKeys, OneShot, StableDiffusion, StableVideo, Video
from rescene.backbones.changes import Adapter, ClipNorms, Recomputed
from rescene.backbones.parts import network_hash
from rescene.training import TrainingFolder
from rescene.training.one_shot import ClipLesson, ImageLesson, fresh_adapter
from tests.tiny import branch, loaded_sd, tiny_pix2pix

VARIANTS = ("tune-a-video", "fatezero")


def tuning(**fields: Any) -> OneShot:
    given = {"prompt": "a car on the road", "steps": 3, "learning_rate": 1e-3, "checkpoint_every": 2}
    return OneShot(**{**given, "gradient_checkpointing": False, **fields})


def predict(model: StableDiffusion, frames: int = 3) -> Tensor:
    z = torch.randn(frames, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    return model.predict(branch(z, model.schedule(4)[1], model.text("a car")))[0].detach()


def folder(path: Path, config: Any = None, **more: bool) -> TrainingFolder:
    return TrainingFolder(path=path, config=config or {}, **more)


def values(adapter: Adapter) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in adapter.trained().items()}


def same(one: Adapter, other: Adapter) -> bool:
    ours, theirs = values(one), values(other)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_untrained_adapter_is_the_identity(model: StableDiffusion, square: Video, variant: Any) -> None:
    adapter = fresh_adapter(tuning(variant=variant), model, square)
    with model.changed(ClipNorms(), FrameKeys(adapter.about.frame_keys)):
        plain = predict(model)
    with model.changed(adapter, adapter.frame_hook):
        # Bits differ where another memory layout makes convolutions add otherwise.
        torch.testing.assert_close(predict(model), plain, rtol=0, atol=2e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_tuning_changes_the_adapter_and_not_the_model(
    model: StableDiffusion, square: Video, variant: Any
) -> None:
    before = {name: (weight, weight.clone()) for name, weight in model.unet.named_parameters()}
    edit = tuning(variant=variant)
    start, adapter = fresh_adapter(edit, model, square), edit(model, square)
    moved = {name for name, weight in values(adapter).items() if not torch.equal(weight, values(start)[name])}
    assert moved == set(adapter.trained())
    for name, weight in model.unet.named_parameters():
        assert weight is before[name][0]
        assert torch.equal(weight, before[name][1])
    assert not any(weight.requires_grad for weight in adapter.trained().values())


def test_each_variant_trains_what_its_paper_does(model: StableDiffusion, square: Video) -> None:
    original, convolved = (fresh_adapter(tuning(variant=variant), model, square) for variant in VARIANTS)
    layers = len(model.control.layers)
    # Queries of both kinds of attention; q, k, v and the output's weight and bias over time; no norms.
    assert len(original.trained()) == layers + 5 * layers // 2
    more = set(convolved.trained()) - set(original.trained())
    assert more
    assert all(".temporal_convolution." in name for name in more)
    assert not any(".norm." in name for name in convolved.trained())
    assert original.about.frame_keys == ("first", "previous")
    assert (tuning(steps=None).length, tuning(learning_rate=None).rate) == (500, 3e-5)
    published = tuning(variant="fatezero", steps=None, learning_rate=None)
    assert (published.length, published.rate) == (200, 1e-5)


def test_the_loss_falls(model: StableDiffusion, square: Video) -> None:
    edit = tuning(steps=12, learning_rate=2e-2)
    start, end = fresh_adapter(edit, model, square), edit(model, square)
    assert mean_loss(model, end, square) < 0.97 * mean_loss(model, start, square)


def mean_loss(model: StableDiffusion, adapter: Adapter, video: Video) -> float:
    """Over draws that the training doesn't see."""
    lesson = ClipLesson(model, adapter, model.encode(video), model.text("a car on the road"))
    losses = []
    for seed in range(4):
        with torch.no_grad(), lesson(torch.Generator().manual_seed(seed)) as loss:
            losses.append(loss)
    return torch.stack(losses).mean().item()


@pytest.mark.parametrize("variant", VARIANTS)
def test_checkpointed_activations_give_the_same_gradients(
    model: StableDiffusion, square: Video, variant: Any
) -> None:
    found = []
    for wanted in (False, True):
        adapter = fresh_adapter(tuning(variant=variant), model, square)
        lesson = ClipLesson(model, adapter, model.encode(square), model.text("a car"))
        changes = [Recomputed()] if wanted else []
        with model.changed(*changes), lesson(torch.Generator().manual_seed(0)) as loss:
            loss.backward()
        found.append({name: weight.grad for name, weight in adapter.trained().items()})
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-7)


def test_a_resumed_tuning_ends_with_the_same_bits(
    model: StableDiffusion, square: Video, tmp_path: Path
) -> None:
    fields = {
        "variant": "fatezero",
        "class_prompt": "a car",
        "class_images": 2,
        "gradient_checkpointing": True,
    }
    whole = tuning(steps=3, **fields)(model, square, folder=folder(tmp_path / "whole"))
    tuning(steps=2, **fields)(model, square, folder=folder(tmp_path / "parts"))
    parts = tuning(steps=3, **fields)(model, square, folder=folder(tmp_path / "parts", resume=True))
    assert same(parts, whole)


def test_what_a_resumed_tuning_may_not_change(model: StableDiffusion) -> None:
    now = tuning().config(model, "clip")
    assert tuning(steps=9, checkpoint_every=1, gradient_checkpointing=True).config(model, "clip") == now
    for other in ({"prompt": "a cat"}, {"learning_rate": 1e-4}, {"seed": 1}, {"variant": "fatezero"}):
        assert tuning(**other).config(model, "clip") != now
    assert tuning().config(model, "another clip") != now


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_it_tunes_in_half_precision(tiny_folder: Path, square: Video, dtype: torch.dtype) -> None:
    model = loaded_sd(tiny_folder, dtype=dtype)
    adapter = tuning(learning_rate=1e-2, gradient_checkpointing=True)(model, square)
    assert all(weight.dtype == dtype and weight.isfinite().all() for weight in adapter.trained().values())
    start = values(fresh_adapter(tuning(), model, square))
    assert all(not torch.equal(weight, start[name]) for name, weight in values(adapter).items())


def test_class_images_are_made_once_and_may_be_ones_own(
    model: StableDiffusion, square: Video, tmp_path: Path
) -> None:
    edit = tuning(class_prompt="a car", class_negative_prompt="a cat", class_images=3)
    first = edit(model, square, folder=folder(tmp_path / "a"))
    made = Video.read(tmp_path / "a" / "class")
    assert (len(made), made.width) == (3, 64)
    again = edit(model, square, folder=folder(tmp_path / "a", overwrite=True))
    assert same(first, again)
    assert same(first, edit(model, square))  # Without a folder, too.
    made[:2].write(f"{tmp_path / 'b' / 'class'}/")
    assert not same(first, edit(model, square, folder=folder(tmp_path / "b")))


def test_a_lesson_with_images_moves_spatial_queries_only(model: StableDiffusion, square: Video) -> None:
    adapter = fresh_adapter(tuning(variant="fatezero"), model, square)
    for name, weight in adapter.trained().items():
        if ".temporal_" in name:
            weight.data.fill_(torch.nan)  # Must not take part.
    lesson = ImageLesson(model, adapter, model.encode(square), model.text("a car"), 2)
    with lesson(torch.Generator().manual_seed(0)) as loss:
        loss.backward()
    assert loss.isfinite()
    assert {name for name, weight in adapter.trained().items() if weight.grad is not None} == set(
        adapter.replaced
    )


def test_losses_that_are_nan_stop_it(
    model: StableDiffusion, square: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        @contextmanager
        def lesson(draw: torch.Generator) -> Iterator[Tensor]:
            yield torch.tensor(torch.nan, requires_grad=True)

        return lesson

    monkeypatch.setattr("rescene.training.one_shot.ClipLesson", broken)
    with pytest.raises(FloatingPointError, match="clip, step 1"):
        tuning()(model, square)


def test_what_can_be_seen_before_is_refused_before(model: StableDiffusion, square: Video) -> None:
    with pytest.raises(ValueError, match="one frame"):
        tuning()(model, square[:1])
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"prompt": " "}, "prompt is empty"),
        ({"class_images": 0}, "class_images"),
        ({"class_negative_prompt": "a cat"}, "class_prompt"),
    ]
    for fields, message in wrong:
        with pytest.raises(ValueError, match=message):
            tuning(**fields)


def test_a_checkpoint_hands_over_the_adapter_as_it_is(
    model: StableDiffusion, square: Video, tmp_path: Path
) -> None:
    seen: dict[int, dict[str, Tensor]] = {}

    def keep(adapter: Adapter, step: int) -> None:
        seen[step] = values(adapter)
        assert not torch.is_grad_enabled()

    final = tuning()(model, square, folder=folder(tmp_path), at_checkpoint=keep)
    assert list(seen) == [2, 3]
    assert all(torch.equal(weight, seen[3][name]) for name, weight in values(final).items())
    assert not any(torch.equal(weight, seen[2][name]) for name, weight in values(final).items())


def test_models_that_read_more_or_no_prompts_are_refused(
    square: Video, svd: StableVideo, tmp_path: Path
) -> None:
    for other in (svd, loaded_sd(tiny_pix2pix(tmp_path))):
        with pytest.raises(ValueError, match="one-shot tuning needs a text-to-image model"):
            tuning()(other, square)


def test_what_decides_a_training_is_noted_as_ever(model: StableDiffusion) -> None:
    """Checkpoints that were made before must resume."""
    assert tuning().config(model, "clip") == {
        "learning_rate": 1e-3,
        "seed": 0,
        "eight_bit": False,
        "prompt": "a car on the road",
        "variant": "tune-a-video",
        "class_prompt": "",
        "class_negative_prompt": "",
        "class_images": 32,
        "video": "clip",
        "model": network_hash(model.unet),
        "dtype": "torch.float32",
    }
