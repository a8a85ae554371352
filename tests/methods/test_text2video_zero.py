"""Text2Video-Zero: clips don't depend on batches; bad input is named."""

from dataclasses import replace

import pytest
import torch

from rescene import StableDiffusion, Text2VideoZero

CAR = Text2VideoZero(prompt="a red car on road", num_inference_steps=4, num_frames=4)


@pytest.mark.parametrize(
    "fields", [{}, {"motion": False}, {"merging_ratio": 0.5}, {"smooth_background": 0.6, "subject": ("car",)}]
)
def test_frames_computed_together_make_no_difference(model: StableDiffusion, fields, latents_of):
    one, many = (replace(CAR, frames_per_batch=count, **fields)(model) for count in (1, 3))
    torch.testing.assert_close(latents_of(one), latents_of(many), rtol=1e-3, atol=1e-3)


def test_each_frame_is_evaluated_as_seldom_as_can_be(model: StableDiffusion, calls):
    edit = replace(CAR, frames_per_batch=1)
    early, _ = edit.window(4)
    edit(model)
    assert len(calls) == 4 + 3 * (4 - early)


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
