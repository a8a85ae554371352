"""I2VEdit from video to video."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rescene import Video
from rescene.attention import AttentionHook
from rescene.backbones import Branch, StableVideo
from rescene.backbones.changes import MotionLoRA
from rescene.cache import Unfinished
from rescene.inputs import Inputs
from rescene.methods import I2VEdit, Run
from rescene.progress import T
from rescene.video.clip import Picked

QUICK = I2VEdit(num_inference_steps=2, clip_length=4)
"""Clips of four frames: a video of seven is two of them."""


def moving(frames: int = 7, height: int = 64, width: int = 64) -> Video:
    return Video.of(torch.rand(frames, 3, height, width, generator=torch.Generator().manual_seed(0)), 8)


def given(video: Video, key_frames: Mapping[int, Tensor]) -> Inputs:
    return Inputs(video=video, key_frames=key_frames)


def picture(seed: int = 1, height: int = 64, width: int = 64) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def made(video: Video) -> Tensor:
    """The latents of a result, clip by clip: decoding takes longer than all else."""
    latents: list[Tensor] = []
    for part in video.clip.clips:  # pyright: ignore
        picked: Any = part if isinstance(part, Picked) else None
        whole = picked.clip.latents if picked else part.latents  # pyright: ignore
        latents.append(whole[picked.frames.start : picked.frames.stop] if picked else whole)
    return torch.cat(latents)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Branch, ...]]:
    """The branches of every forward pass."""
    seen: list[tuple[Branch, ...]] = []
    predict = StableVideo.predict

    def noted(self: StableVideo, *branches: Branch) -> tuple[Tensor, ...]:
        seen.append(branches)
        return predict(self, *branches)

    monkeypatch.setattr(StableVideo, "predict", noted)
    return seen


class Stages:
    """Progress that notes what was at work, and can stop there."""

    def __init__(self, stop: str | None = None):
        self.seen, self.stop = list[str](), stop

    def __call__(self, iterable: Iterable[T], /, *, description: str, total: int) -> Iterable[T]:
        self.seen.append(description)
        for number, item in enumerate(iterable):
            if description == self.stop and number:
                raise KeyboardInterrupt
            yield item


def test_the_result_has_the_videos_length_size_and_rate(svd: StableVideo) -> None:
    video = moving(height=64, width=128)
    result = QUICK(svd, given(video, {0: picture(width=128)}))
    assert (len(result), result.height, result.width, result.fps) == (7, 64, 128, 8)
    frames = result.frames
    assert torch.equal(frames[3:5], result.clip.read(3, 5))
    assert torch.equal(frames, QUICK(svd, given(video, {0: picture(width=128)})).frames)


def test_the_picture_the_seed_and_the_source_matter(svd: StableVideo) -> None:
    edit, video = replace(QUICK, clip_length=None), moving(3)
    plain = made(edit(svd, given(video, {0: picture()})))
    others = [
        edit(svd, given(video, {0: picture(2)})),
        replace(edit, seed=1)(svd, given(video, {0: picture()})),
        edit(svd, given(Video.of(1 - video.frames, 8), {0: picture()})),
    ]
    for other in others:
        assert not torch.equal(made(other), plain)


@pytest.mark.parametrize(
    "change",
    [
        {"guidance_scale": 4.0},
        {"motion_window": 0.0},
        {"deep_motion_window": 0.5},
        {"mask_threshold": (0.0, 0.0)},
        {"mask_threshold": (0.01, 2.0)},
        {"smooth_noise": 0.5},
        {"num_inference_steps": 3},
        {"clip_length": 3},
    ],
)
def test_every_setting_changes_the_result(svd: StableVideo, change: dict) -> None:
    # A frame of one colour is smooth everywhere.
    video = Video.of(torch.cat([moving(3).frames, torch.full((1, 3, 64, 64), 0.5)]), 8)
    plain = replace(QUICK, deep_motion_window=1.0, mask_threshold=(2.0, 2.0))
    changed = made(replace(plain, **change)(svd, given(video, {0: picture()})))
    assert not torch.equal(changed, made(plain(svd, given(video, {0: picture()}))))


def test_a_second_edit_of_a_video_shares_the_inversion_and_is_what_it_is_alone(
    svd: StableVideo, cache_folder: Path
) -> None:
    stages, inputs = Stages(), [given(moving(), {0: picture(seed)}) for seed in (1, 2)]
    QUICK(svd, inputs[0], Run(progress=stages))
    second = made(QUICK(svd, inputs[1], Run(progress=stages)))
    assert [stage for stage in stages.seen if "Inverting" in stage] == ["Inverting 1/2", "Inverting 2/2"]
    assert stages.seen[-2:] == ["Editing 1/2", "Editing 2/2"]
    for file in cache_folder.iterdir():
        file.unlink()
    assert torch.equal(second, made(QUICK(svd, inputs[1])))


def test_hooks_of_the_user_are_part_of_nothing_that_is_kept(svd: StableVideo, cache_folder: Path) -> None:
    with svd.changed(AttentionHook()):
        QUICK(svd, given(moving(3), {0: picture()}))
    assert not list(cache_folder.glob("*"))


def test_the_cache_holds_a_trajectory_for_each_clip_and_nothing_else(
    svd: StableVideo, cache_folder: Path
) -> None:
    QUICK(svd, given(moving(), {0: picture()}))
    floats = (QUICK.num_inference_steps + 1) * 4 * 4 * 8 * 8
    sizes = [file.stat().st_size for file in cache_folder.iterdir()]
    assert len(sizes) == 2
    assert all(4 * floats <= size < 4 * floats + 500 for size in sizes)


def test_later_clips_begin_with_the_latents_that_were_made(
    svd: StableVideo, monkeypatch: pytest.MonkeyPatch, passes: list
) -> None:
    encoded: list[Tensor] = []
    image = svd.image
    monkeypatch.setattr(svd, "image", lambda given: encoded.append(given) or image(given))
    edit = replace(QUICK, skip_interval=False)
    result = edit(svd, given(moving(), {0: picture()}))
    # The key frame, and the first frame of each source clip: nothing that was decoded.
    assert len(encoded) == 3
    ends = made(result)[3] / svd.vae.config.scaling_factor
    lead = passes[-1][-1].condition.picture.latents[0]
    assert (lead - ends).abs().max() < 0.02 * 5  # The noise that leads get.
    assert (lead - ends).abs().max() > 0


def test_the_source_runs_along_only_while_it_is_followed(svd: StableVideo, passes: list) -> None:
    alone = replace(QUICK, motion_window=0.5, deep_motion_window=0.5, mask_threshold=(0.0, 0.0))
    alone(svd, given(moving(3), {0: picture()}))
    assert [len(branches) for branches in passes] == [1, 1, 3, 2]


def test_without_an_inversion_only_the_picture_and_the_seed_matter(svd: StableVideo, passes: list) -> None:
    edit, video = replace(QUICK, inversion=False), moving()
    plain = made(edit(svd, given(video, {0: picture()})))
    assert {len(branches) for branches in passes} == {2}
    other_source = Video.of(1 - video.frames, 8)
    assert torch.equal(made(edit(svd, given(other_source, {0: picture()}))), plain)
    for other in (
        edit(svd, given(video, {0: picture(2)})),
        replace(edit, seed=1)(svd, given(video, {0: picture()})),
    ):
        assert not torch.equal(made(other), plain)
    cost = edit.on(svd).cost(given(video, {0: picture()}))
    assert cost.disk["inversion"] == 0


def test_the_source_is_one_level_ahead(svd: StableVideo, passes: list) -> None:
    """As published: a step is paired with what the inversion computed where the step ends."""
    QUICK(svd, given(moving(3), {0: picture()}))
    inverted, edited = passes[:2], passes[2:]
    for (source,), (along, *_, edit) in zip(reversed(inverted), edited, strict=True):
        assert torch.equal(along.z, source.z)
        assert along.step == source.step
        assert along.step.index == edit.step.index
        assert along.step.timestep < edit.step.timestep


def test_later_clips_look_at_the_first(svd: StableVideo) -> None:
    looking = made(QUICK(svd, given(moving(), {0: picture()})))
    alone = made(replace(QUICK, skip_interval=False)(svd, given(moving(), {0: picture()})))
    assert torch.equal(looking[:4], alone[:4])
    assert not torch.equal(looking[4:], alone[4:])


def test_a_key_frame_further_on_leads_from_there(svd: StableVideo) -> None:
    video = moving(8)
    one = made(QUICK(svd, given(video, {0: picture(1), 4: picture(3)})))
    other = made(QUICK(svd, given(video, {0: picture(2), 4: picture(3)})))
    assert not torch.equal(one[:4], other[:4])
    assert torch.equal(one[4:], other[4:])
    assert not torch.equal(made(QUICK(svd, given(video, {0: picture(1), 4: picture(4)})))[4:], one[4:])


@pytest.mark.parametrize("stage", ["Inverting 2/2", "Editing 2/2"])
def test_a_stopped_run_goes_on_after_its_last_clip(svd: StableVideo, cache_folder: Path, stage: str) -> None:
    inputs = given(moving(), {0: picture()})
    whole = QUICK(svd, inputs)
    for file in cache_folder.iterdir():
        file.unlink()
    with pytest.raises(KeyboardInterrupt):
        QUICK(svd, inputs, Run(progress=Stages(stage), unfinished=Unfinished({"run": 1}, resume=False)))
    unfinished, stages = Unfinished({"run": 1}, resume=True), Stages()
    assert len(unfinished) == 1
    resumed = QUICK(svd, inputs, Run(progress=stages, unfinished=unfinished))
    assert not [stage for stage in stages.seen if "1/2" in stage]
    assert torch.equal(made(resumed), made(whole))
    unfinished.forget()
    assert len(list(cache_folder.iterdir())) == 2


def test_a_motion_lora_moves_the_edit_but_not_the_source(
    svd: StableVideo, tmp_path: Path, passes: list
) -> None:
    lora = MotionLoRA.fresh(svd, rank=4, dropout=0.0, seed=0)
    for weight in lora.weights().values():
        torch.nn.init.normal_(weight, std=0.1, generator=torch.Generator().manual_seed(0))
    lora.save(tmp_path / "lora.safetensors")
    plain = QUICK(svd, given(moving(), {0: picture()}))
    with_lora = replace(QUICK, motion_lora=(tmp_path / "lora.safetensors",))
    stages = Stages()
    moved = with_lora(svd, given(moving(), {0: picture()}), Run(progress=stages))
    assert not torch.equal(made(moved), made(plain))
    assert stages.seen == ["Editing 1/2", "Editing 2/2"]  # The inversion is that without it.
    none = replace(with_lora, motion_lora_weight=0.0)
    torch.testing.assert_close(
        made(none(svd, given(moving(), {0: picture()}))), made(plain), rtol=0, atol=1e-4
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda svd: QUICK(svd, given(moving(1), {0: picture()})), "the video has 1 frame"),
        (
            lambda svd: QUICK(svd, given(moving(), {0: picture(width=128)})),
            "is 128x64 and the video 64x64",
        ),
        (
            lambda svd: QUICK(svd, given(moving(), {1: picture()})),
            "must be the video's first",
        ),
        (
            lambda svd: QUICK(svd, given(moving(), {0: picture(), 6: picture()})),
            "a clip needs 2 or more",
        ),
        (
            lambda svd: QUICK(svd, given(moving(3, 60, 64), {0: picture(height=60)})),
            "multiples of 16",
        ),
        (
            lambda svd: replace(QUICK, motion_lora=(Path("a"),) * 3)(svd, given(moving(), {0: picture()})),
            "3 motion LoRAs and 2 clips",
        ),
    ],
)
def test_wrong_input_is_named(svd: StableVideo, make: Callable, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(svd)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_inference_steps": 1}, "num_inference_steps is 1"),
        ({"guidance_scale": 0.5}, "guidance_scale is 0.5"),
        ({"mask_threshold": (0.1, -0.1)}, "mask_threshold is"),
        ({"smooth_noise": -1.0}, "smooth_noise is -1"),
        ({"motion_window": 1.5}, "a window is"),
    ],
)
def test_wrong_settings_are_named(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        I2VEdit(**wrong)
