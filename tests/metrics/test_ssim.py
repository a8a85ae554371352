"""SSIM against a second implementation, and its ends."""

import pytest
import torch

from rescene.metrics import evaluate
from rescene.video import Video


def test_it_is_the_one_of_torchmetrics(only):
    functional = pytest.importorskip(
        "torchmetrics.functional.image", reason="needs torchmetrics (extra eval)"
    )
    generator = torch.Generator().manual_seed(1)
    one = torch.rand(2, 3, 40, 56, generator=generator)
    other = (one + 0.2 * torch.rand(2, 3, 40, 56, generator=generator)).clamp(0, 1)
    expected = float(functional.structural_similarity_index_measure(other, one, data_range=1.0))
    assert only("ssim", Video.of(one, 8), Video.of(other, 8))["ssim"] == pytest.approx(expected, abs=1e-4)


def test_plain_pictures_compare_by_their_brightness(only, plain):
    # Without contrast only (2 a b + C1) / (a² + b² + C1) is left.
    expected = (2 * 0.5 * 0.8 + 1e-4) / (0.5**2 + 0.8**2 + 1e-4)
    assert only("ssim", plain((0.5,) * 3), plain((0.8,) * 3))["ssim"] == pytest.approx(expected, abs=1e-4)


def test_equal_pictures_have_1(only, clip):
    assert only("ssim", clip, clip)["ssim"] == pytest.approx(1)


def test_outside_the_mask_nothing_changed(only, clip):
    mask = torch.zeros(1, 3, 64, 128)
    mask[..., :64] = 1
    frames = clip.frames.clone()
    frames[..., :50] = 0
    report = only("ssim", clip, Video.of(frames, 8), mask=Video.of(mask, 8))
    assert report["ssim_outside"] == pytest.approx(1)
    assert report["ssim_inside"] < 0.7


def test_pictures_smaller_than_the_window_are_left_out(plain):
    report = evaluate(plain((0, 0, 0), height=8), plain((0, 0, 0), height=8), metrics=["ssim"])
    assert "window" in report.left_out["ssim"]
