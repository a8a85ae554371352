"""Ranges of numbers, stated once beside the field: the check, the slider and the help follow from them."""

import types
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

Window: TypeAlias = float | tuple[float, float]
"""A share of the steps, from the noisiest on (0.8), or from one share to another (0.2, 0.8)."""


MOST = 2**31
"""Larger numbers are mistakes, or somebody's attempt to fill the memory."""


@dataclass(frozen=True)
class AtLeast:
    """Numbers from `least` on."""

    least: float
    usual: float | None = None
    """A value that works for most, to name in messages."""

    def holds(self, value: float) -> bool:
        """Whether a number is in the range."""
        return value >= self.least

    def __str__(self) -> str:
        return f"at least {self.least:g}"


@dataclass(frozen=True)
class Above:
    """Numbers greater than `bound`."""

    bound: float
    usual: float | None = None
    """As in `AtLeast`."""

    def holds(self, value: float) -> bool:
        """Whether a number is in the range."""
        return value > self.bound

    def __str__(self) -> str:
        return f"above {self.bound:g}"


@dataclass(frozen=True)
class Within:
    """Numbers from `low` to `high`, both included unless `above` or `below` is set."""

    low: float
    high: float
    usual: float | None = None
    """As in `AtLeast`."""
    above: bool = False
    """Excludes `low`."""
    below: bool = False
    """Excludes `high`."""

    def holds(self, value: float) -> bool:
        """Whether a number is in the range."""
        low = value > self.low if self.above else value >= self.low
        return low and (value < self.high if self.below else value <= self.high)

    def __str__(self) -> str:
        if not (self.above or self.below):
            return f"between {self.low:g} and {self.high:g}"
        low, high = ("above" if self.above else "at least"), ("below" if self.below else "at most")
        return f"{low} {self.low:g} and {high} {self.high:g}"


Range = AtLeast | Above | Within


@dataclass(frozen=True)
class Local:
    """Marks text in a method's field that may name a file of this machine; strangers mustn't fill it in."""


LocalName = Annotated[str, Local()]
"""A file, a folder, or a hub id."""


def range_of(hint: Any) -> Range | None:
    """The range that an annotation states, if any; of a tuple or an optional value, that of its items."""
    if get_origin(hint) is Annotated:
        found = next((item for item in get_args(hint)[1:] if isinstance(item, Range)), None)
        return found or range_of(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType, tuple):
        return next(filter(None, map(range_of, get_args(hint))), None)
    return None


def check_ranges(value: object) -> None:
    """Compares the fields of a dataclass with their ranges, their choices, and what a window may be.

    Raises:
        ValueError: If one is outside; it names the field, the value and the remedy.
    """
    for name, hint in get_type_hints(type(value), include_extras=True).items():
        if name in {field.name for field in fields(value)}:  # pyright: ignore[reportArgumentType]
            _check(name, getattr(value, name), hint)


def steps_within(window: Window, steps: int) -> range:
    """The steps inside a window.

    Raises:
        ValueError: If the window isn't within [0, 1].
    """
    start, end = window if isinstance(window, tuple) else (0.0, window)
    if not 0 <= start <= end <= 1:
        raise ValueError(f"a window is a number from 0 to 1, or (start, end) in that order, not {window}")
    return range(int(steps * start), int(steps * end))


def _check(name: str, value: Any, hint: Any) -> None:
    if value is None:
        return
    if hint == Window:
        steps_within(value, 1)
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    if choices and value not in choices:
        raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(map(str, choices))}")
    if (found := range_of(hint)) is None:
        return
    for number in value if isinstance(value, tuple) else (value,):
        if abs(number) >= MOST:
            raise ValueError(f"{name} is too large a number; it must be {found}, and below {MOST}")
        if not found.holds(number):
            usual = "" if found.usual is None else f", {found.usual:g} is usual"
            raise ValueError(f"{name} is {value}; it must be {found}{usual}")
