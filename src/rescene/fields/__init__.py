"""The fields of settings: their ranges, their help, and the way to JSON and back; no network is needed."""

from .docs import field_docs
from .kinds import Attends, Kind, Verb
from .plain import decode, decode_as, described, encode, unknown
from .ranges import (
    Above,
    AtLeast,
    Local,
    LocalName,
    Range,
    Window,
    Within,
    check_ranges,
    range_of,
    steps_within,
)
from .texts import cell, plain_name, read_json, read_list, read_text, read_yaml, shown

__all__ = [
    "Above",
    "AtLeast",
    "Attends",
    "Kind",
    "Local",
    "LocalName",
    "Range",
    "Verb",
    "Window",
    "Within",
    "cell",
    "check_ranges",
    "decode",
    "decode_as",
    "described",
    "encode",
    "field_docs",
    "plain_name",
    "range_of",
    "read_json",
    "read_list",
    "read_text",
    "read_yaml",
    "shown",
    "steps_within",
    "unknown",
]
