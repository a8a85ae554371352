"""Colour drift by hand: greys differ in lightness only."""

import pytest


def lightness(level: float) -> float:
    """CIE L* of a grey in sRGB."""
    linear = level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4
    return 116 * linear ** (1 / 3) - 16


def test_a_drift_is_the_difference_between_its_ends(only, plain):
    source = plain((0.5,) * 3, (0.5,) * 3)
    report = only("colour_drift", source, plain((0.5,) * 3, (0.6,) * 3))
    assert report["colour_drift"] == pytest.approx(lightness(0.6) - lightness(0.5), abs=0.05)


def test_a_change_that_stays_the_same_costs_nothing(only, plain):
    report = only("colour_drift", plain(*[(0.9, 0.1, 0.1)] * 4), plain(*[(0.1, 0.2, 0.9)] * 4))
    assert report["colour_drift"] == pytest.approx(0, abs=1e-4)


def test_flicker_is_no_drift(only, plain):
    source, result = plain(*[(0.5,) * 3] * 5), plain(*[(0.4 + 0.2 * (t % 2),) * 3 for t in range(5)])
    assert only("colour_drift", source, result)["colour_drift"] == pytest.approx(0, abs=1e-4)


def test_light_that_changes_in_the_source_is_no_drift(only, plain):
    clip = plain(*[(0.1 * t,) * 3 for t in range(5)])
    assert only("colour_drift", clip, clip)["colour_drift"] == 0
