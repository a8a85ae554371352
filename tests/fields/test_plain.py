import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rescene.fields import decode, decode_as, encode, field_docs, unknown
from rescene.methods import FateZero, Text2VideoZeroRedraw


@dataclass(frozen=True, kw_only=True)
class Inner:
    """A group."""

    rate: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Outer:
    """Values of every type that settings have."""

    name: str
    """What it
    is called."""
    inner: Inner = Inner()
    maybe: Inner | None = None
    path: Path | None = None
    flags: tuple[bool, ...] = ()
    windows: dict[str, float | tuple[float, float]] = field(default_factory=dict)


def test_values_survive_plain_json():
    value = Outer(
        name="n", inner=Inner(rate=2.0), path=Path("a/b"), flags=(True,), windows={"a": 0.5, "b": (0.1, 1.0)}
    )
    assert decode(Outer, json.loads(json.dumps(encode(value))), name="outer") == value
    assert decode(Outer, {"name": "n"}, name="outer") == Outer(name="n")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({}, "outer has no 'name'"),
        ({"nane": "n"}, "did you mean 'name'"),
        ({"name": 3}, "outer: name must be text, not 3"),
        ({"name": "n", "inner": {"rate": "fast"}}, "outer: inner: rate must be a number"),
        ({"name": "n", "inner": {"rate": True}}, "must be a number, not True"),
        ({"name": "n", "inner": 3}, "must hold names and values"),
        ({"name": "n", "flags": [1]}, r"flags\[0\] must be true or false"),
        ({"name": "n", "windows": {"a": [1, 2, 3]}}, r"windows\[a\] must be"),
        ([], "must hold names and values"),
        ({"name": "n", "maybe": {"rate": "fast"}}, "outer: maybe: rate must be a number"),
    ],
)
def test_mistakes_are_named(value, says):
    with pytest.raises(ValueError, match=says):
        decode(Outer, value, name="outer")


def test_choices_are_named_where_a_list_of_them_is_missing():
    with pytest.raises(ValueError, match="control must be a list of canny or depth or pose, not 'canny'"):
        decode(Text2VideoZeroRedraw, {"prompt": "a car", "control": "canny"}, name="file")


def test_whole_numbers_are_numbers():
    assert decode_as(float, 3, name="x") == 3.0
    assert isinstance(decode_as(float, 3, name="x"), float)
    assert decode_as(int | float | str, 3, name="x") == 3
    with pytest.raises(ValueError, match="whole number"):
        decode_as(int, 3.5, name="x")


def test_objects_that_arent_settings_arent_written():
    with pytest.raises(TypeError):
        encode(object())


def test_field_docs_are_on_one_line_and_inherited():
    assert field_docs(Outer)["name"] == "What it is called."
    assert "closer" in field_docs(FateZero)["source"]


def test_what_is_close_is_suggested_and_nothing_else():
    assert unknown("fatezer", ["fatezero", "tokenflow"], name="x").endswith("did you mean 'fatezero'?")
    assert unknown("i2vedit", ["text2video-zero", "fatezero"], name="x") == "x: unknown 'i2vedit'"
