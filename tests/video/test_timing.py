from fractions import Fraction
from itertools import accumulate, pairwise

import pytest
import torch

from rescene.video.timing import constant_rate, frame_number

MILLISECOND = Fraction(1, 1000)


@pytest.mark.parametrize(
    "fps", [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(25), Fraction(60), Fraction(5, 2)]
)
@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("count", [1, 2, 17, 5000])
def test_a_constant_rate_is_kept_despite_rounding(fps, declared, count):
    times = [round(n / fps * 1000) for n in range(count)]
    found, shown = constant_rate(times, round(1000 / fps), MILLISECOND, fps if declared else None)
    assert shown == times
    assert (
        found == fps
        if declared
        else float(found) == pytest.approx(float(fps), rel=1.1 / (1000 / fps * count))
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_variable_rate_keeps_duration_and_order(seed):
    random = torch.Generator().manual_seed(seed)
    steps = torch.randint(5, 120, (50,), generator=random).tolist()
    times = [1000, *accumulate(steps[:-1], initial=1000)][1:]
    fps, shown = constant_rate(times, steps[-1], MILLISECOND, Fraction(1000))
    assert abs(len(shown) / fps - Fraction(sum(steps), 1000)) <= 1 / (2 * fps)
    assert all(earlier <= later for earlier, later in pairwise(shown))
    for number, time in enumerate(shown):
        wanted = 1000 + number / fps * 1000
        assert abs(time - wanted) <= min(abs(other - wanted) for other in times) + Fraction(1, 10**6)


def test_a_wrong_claim_about_the_rate_is_not_believed():
    fps, shown = constant_rate(list(range(0, 1000, 40)), 40, MILLISECOND, Fraction(1000))
    assert (fps, len(shown)) == (25, 25)


@pytest.mark.parametrize(
    ("position", "frame"),
    [
        (0, 0),
        (48, 48),
        ("48", 48),
        (2.0, 48),
        ("2.0", 48),
        ("2s", 48),
        ("2.", 48),
        (".5", 12),
        (Fraction(1, 2), 12),
        ("1:00", 1440),
        ("00:01:00.5", 1452),
        ("1:00:00s", 86400),
        ("0", 0),
    ],
)
def test_positions(position, frame):
    assert frame_number(position, Fraction(24)) == frame


@pytest.mark.parametrize("position", ["", "two", "1:2:3:4", "-1", "1e3", "5 s", "nan"])
def test_wrong_positions(position):
    with pytest.raises(ValueError, match="is no position in a video"):
        frame_number(position, Fraction(24))
