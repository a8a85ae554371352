"""Text2Video-Zero: clips don't depend on batches; bad input is named."""

from dataclasses import replace

import pytest
import torch

from rescene import StableDiffusion, Text2VideoZero
from rescene.methods.text2video_zero.cross_frame import AnchorKeys

CAR = Text2VideoZero(prompt="a red car on road", num_inference_steps=4, num_frames=4, t0=0.88, t1=0.94)


@pytest.mark.parametrize(
    "fields", [{}, {"motion": False}, {"merging_ratio": 0.5}, {"smooth_background": 0.6, "subject": ("car",)}]
)
def test_frames_computed_together_make_no_difference(model: StableDiffusion, fields, latents_of):
    one, many = (replace(CAR, frames_per_batch=count, **fields)(model) for count in (1, 3))
    torch.testing.assert_close(latents_of(one), latents_of(many), rtol=1e-3, atol=1e-3)


def test_each_frame_is_evaluated_as_seldom_as_can_be(model: StableDiffusion, calls):
    edit = replace(CAR, frames_per_batch=1)
    early, _ = edit.on(model).window(4)
    edit(model)
    assert len(calls) == 4 + 3 * (4 - early)


@pytest.mark.parametrize("frames", [4, 12])
def test_a_longer_clip_is_seen_in_equal_batches_and_nothing_is_kept(model, monkeypatch, frames):
    predict, seen, kept = model.predict, [], []

    def watched(*branches):
        found = predict(*branches)
        seen.append(len(branches[0].z))
        return found

    def made(*networks, **fields):
        made_keys = AnchorKeys()
        kept.append(made_keys.kept)
        return made_keys

    monkeypatch.setattr(model, "predict", watched)
    monkeypatch.setattr("rescene.methods.text2video_zero.cross_frame.AnchorKeys", made)
    replace(CAR, num_frames=frames, frames_per_batch=3)(model)
    assert max(seen) == 3
    assert kept == [{}]


def test_a_path_of_even_steps_is_a_pan(model: StableDiffusion, latents_of):
    steps = tuple((40.0 * frame, -24.0 * frame) for frame in range(1, 4))
    panned = latents_of(replace(CAR, pan=(40, -24))(model))
    assert torch.equal(latents_of(replace(CAR, path=steps)(model)), panned)
    assert not torch.equal(latents_of(replace(CAR, pan=(0, 0))(model)), panned)
    assert not torch.equal(latents_of(replace(CAR, pan=(40, -24), zoom=1.5)(model)), panned)


def test_levels_decide(model: StableDiffusion, latents_of):
    usual = latents_of(CAR(model))
    assert not torch.equal(latents_of(replace(CAR, t0=0.2)(model)), usual)
    # The first frame isn't moved, so it doesn't know about levels.
    torch.testing.assert_close(latents_of(replace(CAR, t0=0.2)(model))[0], usual[0])


@pytest.mark.parametrize(
    ("side", "fields", "levels"),
    [
        (512, {}, (0.88, 0.94)),
        (128, {}, (0.5, 0.56)),
        (128, {"t0": 0.3}, (0.3, 0.36)),
        (512, {"t0": 0.97}, (0.97, 1.0)),
        (128, {"t1": 0.9}, (0.5, 0.9)),
        (128, {"t0": 0.88, "t1": 0.94}, (0.88, 0.94)),
    ],
)
def test_levels_that_arent_given_suit_the_model(model: StableDiffusion, monkeypatch, side, fields, levels):
    monkeypatch.setattr(model, "native_area", side**2)
    found = replace(CAR, **{"t0": None, "t1": None, **fields}).on(model).shares
    assert found == pytest.approx(levels)


def test_levels_of_the_model_are_used(model: StableDiffusion, latents_of):
    given = latents_of(replace(CAR, num_inference_steps=8, t0=0.5, t1=0.56)(model))
    assert torch.equal(latents_of(replace(CAR, num_inference_steps=8, t0=None, t1=None)(model)), given)
    with pytest.raises(ValueError, match=r"t0 is 0.5 and t1 0.2"):
        replace(CAR, t0=None, t1=0.2).check(model)


@pytest.mark.parametrize(
    "fields",
    [{"t0": 0.9, "t1": 0.5}, {"num_frames": 0}, {"path": ((1, 1),)}, {"prompt": " "}, {"merging_ratio": 1}],
)
def test_bad_settings_are_refused(fields):
    with pytest.raises(ValueError):
        replace(CAR, **fields)


def test_smoothing_needs_a_subject(model: StableDiffusion):
    with pytest.raises(ValueError, match="subject"):
        replace(CAR, smooth_background=0.5)(model)


def test_sizes_off_the_stride_are_refused(model: StableDiffusion):
    with pytest.raises(ValueError, match="multiples of 64"):
        replace(CAR, height=70)(model)
