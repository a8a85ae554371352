"""Likeness to the source, against values worked out by hand and a second implementation."""

import math
import sys
from importlib.util import find_spec
from types import ModuleType

import pytest
import torch

from rescene.metrics import evaluate, pixels
from rescene.video import Video


def test_an_even_error_of_a_tenth_has_20_db(only, plain):
    report = only("psnr", plain((0.5, 0.5, 0.5)), plain((0.6, 0.6, 0.6)))
    assert report["psnr"] == pytest.approx(20, abs=1e-4)


def test_psnr_is_the_mean_of_the_frames_values(only, plain):
    grey, lighter, light = (0.5,) * 3, (0.6,) * 3, (0.51,) * 3
    assert only("psnr", plain(grey, grey), plain(lighter, light))["psnr"] == pytest.approx(30, abs=1e-3)


def test_equal_frames_count_for_100_db(only, clip):
    assert only("psnr", clip, clip)["psnr"] == 100


def test_the_mask_of_psnr_separates_what_was_to_change_from_what_was_not(only):
    source, result, mask = torch.zeros(2, 3, 16, 16), torch.zeros(2, 3, 16, 16), torch.zeros(1, 3, 16, 16)
    result[..., :4] = 0.1
    mask[..., :4] = 1
    report = only("psnr", *(Video.of(each, 8) for each in (source, result)), mask=Video.of(mask, 8))
    assert report["psnr_inside"] == pytest.approx(20, abs=1e-4)
    assert report["psnr_outside"] == 100
    assert report["psnr"] == pytest.approx(-10 * math.log10(0.01 / 4), abs=1e-4)


def test_ssim_is_the_one_of_torchmetrics(only):
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


def test_equal_pictures_have_an_ssim_of_1(only, clip):
    assert only("ssim", clip, clip)["ssim"] == pytest.approx(1)


def test_outside_the_mask_ssim_sees_no_change(only, clip):
    mask = torch.zeros(1, 3, 64, 128)
    mask[..., :64] = 1
    frames = clip.frames.clone()
    frames[..., :50] = 0
    report = only("ssim", clip, Video.of(frames, 8), mask=Video.of(mask, 8))
    assert report["ssim_outside"] == pytest.approx(1)
    assert report["ssim_inside"] < 0.7


def test_pictures_smaller_than_the_window_have_no_ssim(plain):
    report = evaluate(plain((0, 0, 0), height=8), plain((0, 0, 0), height=8), metrics=["ssim"])
    assert "window" in report.left_out["ssim"]


class Difference(torch.nn.Module):
    """Stands in for the network: the mean difference."""

    def forward(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return (one - other).abs().mean()


@pytest.fixture(autouse=True)
def fresh():
    pixels._perceptual.cache_clear()
    yield
    pixels._perceptual.cache_clear()


@pytest.mark.skipif(find_spec("torchvision") is not None, reason="torchvision is installed")
def test_without_torchvision_lpips_is_left_out_and_says_what_to_install(clip):
    report = evaluate(clip, clip, metrics=["lpips", "psnr"])
    assert "rescene[eval]" in report.left_out["lpips"]
    assert report["psnr"] == 100


def test_outside_a_part_both_are_black_to_lpips(clip, plain, monkeypatch):
    monkeypatch.setattr(pixels, "_perceptual", Difference)
    monkeypatch.setattr(pixels._perceptual, "cache_clear", lambda: None, raising=False)
    mask = torch.zeros(1, 3, 16, 24)
    mask[..., :12] = 1
    report = evaluate(plain((0, 0, 0)), plain((0.5,) * 3), mask=Video.of(mask, 8), metrics=["lpips"])
    assert (report["lpips"], report["lpips_inside"], report["lpips_outside"]) == (0.5, 0.25, 0.25)


def test_weights_that_cannot_be_fetched_are_named(clip, monkeypatch):
    def unreachable(**_: object) -> None:
        raise OSError("no route to host")

    package = ModuleType("torchmetrics.image.lpip")
    package.LearnedPerceptualImagePatchSimilarity = unreachable  # pyright: ignore
    monkeypatch.setitem(sys.modules, "torchvision", ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchmetrics.image.lpip", package)
    assert "no route to host" in evaluate(clip, clip, metrics=["lpips"]).left_out["lpips"]
