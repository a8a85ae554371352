from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest

from rescene.app.fields import inputs, listed, read, unlisted
from rescene.fields import AtLeast, LocalName, Window, Within, encode
from rescene.methods import CLASSES, METHODS, TuneAVideo


@dataclass(frozen=True, kw_only=True)
class New:
    """A method that the page has never seen."""

    source: str
    """What it shows."""
    hidden: LocalName | None = None
    secret: tuple[LocalName, ...] = ()
    file: Path | None = None
    style: Literal["soft", "hard"] = "soft"
    """How."""
    controls: tuple[Literal["edges", "depth"], ...] = ("edges",)
    window: Window = 0.5
    strength: Annotated[float, Within(0, 2, above=True)] = 1.0
    scale: Annotated[float, AtLeast(0)] = 1.0
    words: Mapping[str, float] = field(default_factory=dict)
    path: tuple[tuple[float, float], ...] = ()
    size: int | None = None
    on: bool = False


def test_a_new_method_appears_by_itself():
    kinds = {each.name: each.kind for each in inputs(New)}
    assert kinds == {
        "source": "prompt",
        "style": "choice",
        "controls": "choices",
        "window": "slider",
        "strength": "slider",
        "scale": "number",
        "words": "list",
        "path": "list",
        "size": "whole",
        "on": "switch",
    }
    assert {each.name: each.help for each in inputs(New)}["style"] == "How."
    assert {each.name: each.choices for each in inputs(New)}["controls"] == ("edges", "depth")
    assert {each.name: each.ends for each in inputs(New)}["strength"] == (0.01, 2)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_defaults_survive_the_form(kind):
    for each in inputs(kind):
        if each.kind != "prompt":
            assert encode(each.read(each.shown(each.default))) == each.default, each.name


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("words", "car: 2, red bus: 0.5", {"car": 2.0, "red bus": 0.5}),
        ("path", "1 2, 3.5 4", ((1.0, 2.0), (3.5, 4.0))),
        ("size", "", None),
        ("size", "12", 12),
        ("size", 12.0, 12),
        ("window", 0.25, 0.25),
        ("controls", ["depth"], ("depth",)),
    ],
)
def test_inputs_read_what_people_write(name, text, value):
    (found,) = (each for each in inputs(New) if each.name == name)
    assert found.read(text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("words", "car"),
        ("size", "1.5"),
        ("size", "many"),
        ("style", "loud"),
        ("window", "much"),
        ("on", None),
    ],
)
def test_mistakes_are_named(name, text):
    (found,) = (each for each in inputs(New) if each.name == name)
    with pytest.raises(ValueError, match=r"\w"):
        found.read(text)


def test_help_doesnt_repeat_what_its_label_says():
    found = {each.name: each.info for each in inputs(METHODS["edit"]["fatezero"])}
    assert found["source"].startswith("In plain words")
    assert not any(text.startswith("What it should show") for text in found.values())


@pytest.mark.parametrize("name", ["hidden", "secret", "file"])
def test_names_of_files_arent_taken(name):
    with pytest.raises(ValueError, match="names a file of this machine"):
        read(New, {"source": "a car", name: "/etc/passwd"}, name="new")


def test_every_field_that_can_name_a_file_of_a_method_is_hidden():
    shown = {(name, each.name) for name, kind in METHODS["edit"].items() for each in inputs(kind)}
    assert not shown & {
        ("text2video-zero", "controlnets"),
        ("text2video-zero", "depth_model"),
        ("tokenflow", "controlnet"),
    }


def test_what_was_trained_here_goes_by_its_name(tmp_path):
    values, adapter = {"motion": "ski", "target": "a car"}, tmp_path / "ski.safetensors"
    made = read(TuneAVideo, values, name="tune-a-video", adapters={"ski": adapter})
    assert made == TuneAVideo(motion=adapter, target="a car")
    for other in ("/etc/passwd", str(adapter), "", None):
        with pytest.raises(ValueError, match="choose one, or make one under Train"):
            read(TuneAVideo, {**values, "motion": other}, name="x", adapters={"ski": adapter})


@pytest.mark.parametrize("value", [["own", "middle"], [1, 2.5], {"a": 1, "b c": [0.2, 0.8]}, []])
def test_lists_are_written_as_they_are_read(value):
    assert unlisted(listed(value), mapping=isinstance(value, dict)) == (value or [])
