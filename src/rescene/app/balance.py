"""The slider between keeping the source and following the text: how far it moves a method's fields."""

from collections.abc import Mapping
from typing import Any

from ..methods import Balance

DEFAULT = 50
"""Where the slider leaves a method as published; 0 keeps the most of the source, 100 follows the text."""


def fields_at(balance: Balance | None, position: float, defaults: Mapping[str, Any]) -> dict[str, float]:
    """The values of a method's fields at a position of the slider."""
    values: dict[str, float] = {}
    for name, (keep, follow) in ends_of(balance).items():
        end, share = (
            (keep, 1 - position / DEFAULT) if position <= DEFAULT else (follow, position / DEFAULT - 1)
        )
        values[name] = round(defaults[name] + share * (end - defaults[name]), 2)
    return values


def position_of(balance: Balance | None, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> float:
    """Where the slider stands for some values: as its first field says."""
    for name, (keep, follow) in ends_of(balance).items():
        value, middle = values.get(name, defaults[name]), defaults[name]
        end = keep if (value - middle) * (keep - middle) > 0 else follow
        share = min(1.0, (value - middle) / (end - middle))
        return round(DEFAULT - share * DEFAULT if end == keep else DEFAULT + share * DEFAULT)
    return DEFAULT


def ends_of(balance: Balance | None) -> Mapping[str, tuple[float, float]]:
    """The fields that the slider moves; none for a method that has no such."""
    return balance.ends if balance else {}
