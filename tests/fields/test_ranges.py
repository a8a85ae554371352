from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

from rescene.fields import Above, AtLeast, Window, Within, check_ranges, range_of, steps_within


@dataclass(frozen=True, kw_only=True)
class Values:
    steps: Annotated[int, AtLeast(1, usual=50)] = 50
    rate: Annotated[float, Above(0)] = 1.0
    share: Annotated[float, Within(0, 1, above=True)] = 0.5
    loss: Annotated[float, Within(0, 1, below=True)] = 0.5
    pair: Annotated[tuple[float, float], AtLeast(0)] = (0.0, 1.0)
    maybe: Annotated[int, AtLeast(2)] | None = None
    window: Window = 0.8
    kind: Literal["a", "b"] = "a"

    def __post_init__(self):
        check_ranges(self)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"steps": 0}, "steps is 0; it must be at least 1, 50 is usual"),
        ({"rate": 0.0}, "rate is 0.0; it must be above 0$"),
        ({"share": 0.0}, "share is 0.0; it must be above 0 and at most 1"),
        ({"loss": 1.0}, "loss is 1.0; it must be at least 0 and below 1"),
        ({"pair": (0.5, -1.0)}, r"pair is \(0.5, -1.0\); it must be at least 0"),
        ({"maybe": 1}, "maybe is 1; it must be at least 2"),
        ({"window": 1.5}, "from 0 to 1"),
        ({"window": (0.8, 0.2)}, "in that order"),
        ({"kind": "c"}, "kind is 'c'; it must be one of a, b"),
        ({"rate": float("nan")}, "rate is nan"),
    ],
)
def test_what_is_outside_is_named(wrong, says):
    with pytest.raises(ValueError, match=says):
        Values(**wrong)


def test_what_is_inside_passes():
    Values(steps=1, share=1.0, loss=0.0, maybe=2, window=(0.2, 1), kind="b")


def test_ranges_are_found_in_annotations():
    assert range_of(Annotated[int, AtLeast(1)]) == AtLeast(1)
    optional: Any = Annotated[int, AtLeast(1)] | None  # pyright: ignore[reportOperatorIssue]
    assert range_of(optional) == AtLeast(1)
    assert range_of(int) is None


def test_steps_of_a_window():
    assert steps_within(0.8, 10) == range(8)
    assert steps_within((0.2, 0.8), 10) == range(2, 8)
