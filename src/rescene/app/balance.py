"""The slider between keeping the source and following the text: which fields it moves, and how far."""

from collections.abc import Mapping
from typing import Any

DEFAULT = 50
"""Where the slider leaves a method as published; 0 keeps the most of the source, 100 follows the text."""
ENDS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "fatezero": {"self_replace": (1.0, 0.3), "cross_replace": (1.0, 0.3)},
    "instruct-pix2pix": {"image_guidance_scale": (2.2, 1.0)},
    "tokenflow": {"feature_window": (1.0, 0.4), "attention_window": (0.9, 0.1)},
}
"""For each method that has such fields, their values at both ends; what lies between starts from defaults."""


def fields_at(method: str, position: float, defaults: Mapping[str, Any]) -> dict[str, float]:
    """The values of a method's fields at a position of the slider."""
    values: dict[str, float] = {}
    for name, (keep, follow) in ENDS.get(method, {}).items():
        end, share = (
            (keep, 1 - position / DEFAULT) if position <= DEFAULT else (follow, position / DEFAULT - 1)
        )
        values[name] = round(defaults[name] + share * (end - defaults[name]), 2)
    return values


def position_of(method: str, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> float:
    """Where the slider stands for some values: as its first field says."""
    for name, (keep, follow) in ENDS.get(method, {}).items():
        value, middle = values.get(name, defaults[name]), defaults[name]
        end = keep if (value - middle) * (keep - middle) > 0 else follow
        share = min(1.0, (value - middle) / (end - middle))
        return round(DEFAULT - share * DEFAULT if end == keep else DEFAULT + share * DEFAULT)
    return DEFAULT
