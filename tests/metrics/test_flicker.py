"""Flicker by hand."""

import pytest

from rescene.metrics import evaluate


def grey(*levels: float) -> list[tuple[float, float, float]]:
    return [(level, level, level) for level in levels]


def test_even_change_costs_nothing(only, plain):
    ramp = plain(*grey(0.1, 0.2, 0.3, 0.4))
    assert only("flicker", ramp, ramp)["flicker"] == pytest.approx(0, abs=1e-4)


def test_jumping_to_and_fro_costs_twice_the_jump(only, plain):
    report = only("flicker", plain(*grey(0.1, 0.2, 0.3, 0.4)), plain(*grey(0.5, 0.6, 0.5, 0.6)))
    assert report["flicker"] == pytest.approx(255 * 0.2, rel=1e-4)
    assert report["flicker_source"] == pytest.approx(0, abs=1e-4)


def test_two_frames_are_too_few(plain):
    video = plain(*grey(0, 1))
    assert "three frames" in evaluate(video, video, metrics=["flicker"]).left_out["flicker"]
