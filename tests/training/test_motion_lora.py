"""Teaching a video model how a clip moves."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from rescene import StableDiffusion, Video
from rescene.attention.temporal import KeptKeys, RecordKeys
from rescene.backbones import Branch, Condition, StableVideo
from rescene.backbones.changes import MotionLoRA
from rescene.training import MotionTuning, TrainingFolder
from rescene.training.motion_lora import KeysAt, MotionLesson, lesson, training_sigma

SHORT = MotionTuning(steps=3, rank=4, checkpoint_every=2, learning_rate=1e-2)


def clip(frames: int = 3) -> Video:
    # Large enough that no norm sees but a few numbers.
    return Video.of(torch.rand(frames, 3, 128, 128, generator=torch.Generator().manual_seed(0)), 8)


def lesson_on(svd: StableVideo, lora: MotionLoRA, first_keys: KeysAt | None = None) -> MotionLesson:
    return lesson(svd, lora, clip(), first_keys, seed=0)


def learnt(lora: MotionLoRA) -> Tensor:
    return torch.cat([weight.detach().flatten() for weight in lora.weights().values()])


def test_it_learns_and_leaves_the_model_as_it_was(svd: StableVideo) -> None:
    before = svd._parts.fingerprint()
    fresh = MotionLoRA.fresh(svd, rank=4, dropout=0.1, seed=0)
    lora = SHORT(svd, clip())
    assert svd._parts.fingerprint() == before
    assert not torch.equal(learnt(lora), learnt(fresh))
    assert not any(weight.requires_grad for weight in lora.weights().values())
    assert torch.equal(learnt(SHORT(svd, clip())), learnt(lora))
    assert not torch.equal(learnt(replace(SHORT, seed=1)(svd, clip())), learnt(lora))


def test_a_resumed_training_is_as_if_it_hadnt_stopped(svd: StableVideo, tmp_path: Path) -> None:
    whole = SHORT(svd, clip())
    folder = TrainingFolder(path=tmp_path, config=SHORT.config(svd, "clip"))
    seen: list[int] = []
    replace(SHORT, steps=2)(svd, clip(), folder=folder, at_checkpoint=lambda _, step: seen.append(step))
    resumed = SHORT(svd, clip(), folder=replace(folder, resume=True))
    assert seen == [2]
    assert torch.equal(learnt(resumed), learnt(whole))
    other = replace(SHORT, rank=2)
    with pytest.raises(ValueError, match="rank was 4 and is 2"):
        other(
            svd, clip(), folder=TrainingFolder(path=tmp_path, config=other.config(svd, "clip"), resume=True)
        )


def test_computing_activations_twice_gives_the_same_gradients(svd: StableVideo) -> None:
    kept = replace(SHORT, steps=1, gradient_checkpointing=False)(svd, clip())
    torch.testing.assert_close(learnt(replace(SHORT, steps=1)(svd, clip())), learnt(kept), rtol=0, atol=1e-3)


def test_each_weight_that_is_trained_has_a_gradient(svd: StableVideo) -> None:
    lora = MotionLoRA.fresh(svd, rank=4, dropout=0.0, seed=0)
    for name, weight in lora.weights().items():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    with lesson_on(svd, lora)(torch.Generator().manual_seed(0)) as loss:
        loss.backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in lora.weights().values())


def test_a_later_clip_looks_at_the_first(svd: StableVideo) -> None:
    lora = MotionLoRA.fresh(svd, rank=4, dropout=0.0, seed=0)
    asked: list[float] = []

    def first_keys(sigma: float) -> dict[str, KeptKeys]:
        asked.append(sigma)
        record, condition = RecordKeys(), Condition(picture=svd.picture(clip()[:1].frames, fps=8))
        with torch.no_grad(), svd.changed(record):
            svd.predict(Branch(svd.encode(clip()), svd.schedule(2)[1], condition))
        return record.into

    losses: list[float] = []
    for each in (None, first_keys):
        with lesson_on(svd, lora, each)(torch.Generator().manual_seed(0)) as loss:
            losses.append(loss.item())
    assert losses[0] != losses[1]
    assert len(asked) == 1


def test_levels_of_noise_are_those_of_two_cosine_schedules() -> None:
    levels = [training_sigma(share / 20) for share in range(21)]
    assert levels == sorted(levels, reverse=True)
    assert (levels[0], levels[-1]) == pytest.approx((700, 0.002), rel=1e-3)
    assert levels[10] == pytest.approx(0.71, rel=0.01)  # The published median.


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"rank": 0}, "rank is 0"), ({"dropout": 1.0}, "dropout is 1"), ({"steps": 0}, "steps is 0")],
)
def test_wrong_settings_are_named(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MotionTuning(**wrong)


def test_one_frame_shows_no_motion(svd: StableVideo) -> None:
    with pytest.raises(ValueError, match="one frame"):
        SHORT(svd, clip(1))


def test_image_models_are_refused(model: StableDiffusion) -> None:
    with pytest.raises(ValueError, match="motion LoRAs are for Stable Video Diffusion"):
        SHORT(model, clip())


def test_what_decides_a_training_is_noted_as_ever(svd: StableVideo) -> None:
    """Checkpoints that were made before must resume."""
    assert SHORT.config(svd, "clip") == {
        "learning_rate": 1e-2,
        "seed": 0,
        "eight_bit": False,
        "rank": 4,
        "dropout": 0.1,
        "video": "clip",
        "model": svd.identity(),
    }
