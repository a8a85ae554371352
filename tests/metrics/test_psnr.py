"""PSNR against values worked out by hand."""

import math

import pytest
import torch

from rescene.video import Video


def test_an_even_error_of_a_tenth_has_20_db(only, plain):
    report = only("psnr", plain((0.5, 0.5, 0.5)), plain((0.6, 0.6, 0.6)))
    assert report["psnr"] == pytest.approx(20, abs=1e-4)


def test_the_value_is_the_mean_of_the_frames_values(only, plain):
    grey, lighter, light = (0.5,) * 3, (0.6,) * 3, (0.51,) * 3
    assert only("psnr", plain(grey, grey), plain(lighter, light))["psnr"] == pytest.approx(30, abs=1e-3)


def test_equal_frames_count_for_100_db(only, clip):
    assert only("psnr", clip, clip)["psnr"] == 100


def test_the_mask_separates_what_was_to_change_from_what_was_not(only):
    source, result, mask = torch.zeros(2, 3, 16, 16), torch.zeros(2, 3, 16, 16), torch.zeros(1, 3, 16, 16)
    result[..., :4] = 0.1
    mask[..., :4] = 1
    report = only("psnr", *(Video.of(each, 8) for each in (source, result)), mask=Video.of(mask, 8))
    assert report["psnr_inside"] == pytest.approx(20, abs=1e-4)
    assert report["psnr_outside"] == 100
    assert report["psnr"] == pytest.approx(-10 * math.log10(0.01 / 4), abs=1e-4)
