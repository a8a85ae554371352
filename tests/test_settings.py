import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from rescene import ControlledVideo, FateZero, Video
from rescene.fields import decode, decode_as, encode, field_docs
from rescene.inputs import Fit
from rescene.methods import METHODS, quiet
from rescene.settings import (
    ModelSettings,
    Settings,
    SourceSettings,
    Trim,
    file_hash,
    find_source,
    read_settings,
    seen_from,
    sidecar,
    with_seed,
    write_result,
)
from rescene.video import DiskFullError
from tests.methods.examples import EXAMPLES

NAMES = ["a.mp4", "a.mkv", "a.gif", "frames"]


@pytest.fixture
def settings(tmp_path) -> Settings:
    (tmp_path / "source.bin").write_bytes(b"pixels")
    return Settings(
        edit=FateZero(
            source='a "silver" jeep, größer',
            target="a red jeep",
            self_replace=(0.1, 0.7),
            word_windows={"jeep": 0.4, "red": (0.2, 0.5)},
            frame_keys=("first", -1),
            mask_words=("jeep",),
        ),
        model=ModelSettings(
            name="sd15",
            revision="abc",
            fingerprint="f" * 64,
            dtype="float16",
            device="cuda",
            loras={"a": 0.5},
        ),
        source=SourceSettings(
            path="source.bin", sha256=file_hash(tmp_path / "source.bin"), trim=Trim(start="2s", frames=8)
        ),
        fit=Fit(source=(100, 200), content=(64, 128), size=(64, 128)),
        label="edited",
    )


def test_json_and_back_is_the_same_value(settings):
    assert Settings.from_json(settings.to_json()) == settings


@pytest.mark.parametrize("name", METHODS)
def test_every_method_survives_json(settings, name):
    edit = EXAMPLES[name]
    assert Settings.from_json(replace(settings, edit=edit).to_json()).edit == edit


@pytest.mark.parametrize("name", NAMES)
def test_results_and_sidecars_say_the_same(settings, clip, tmp_path, name):
    write_result(clip, str(tmp_path / name), settings)
    beside = sidecar(tmp_path / name)
    assert read_settings(tmp_path / name) == read_settings(beside) == settings.to_json()
    assert Settings.from_json(read_settings(tmp_path / name)) == settings


@pytest.mark.parametrize("name", NAMES)
def test_a_failure_leaves_neither(settings, clip, tmp_path, monkeypatch, name):
    def fail(*_, **__):
        raise DiskFullError("full")

    before = set(tmp_path.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(Video, "write", fail)
        with pytest.raises(DiskFullError):
            write_result(clip, str(tmp_path / name), settings)
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", NAMES)
def test_a_stop_between_video_and_sidecar_leaves_neither(settings, clip, tmp_path, monkeypatch, name):
    before, write = set(tmp_path.iterdir()), Video.write

    def stopped(*arguments, **named):
        write(*arguments, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr(Video, "write", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_result(clip, str(tmp_path / name), settings)
    assert set(tmp_path.iterdir()) == before


def test_nothing_is_replaced_unasked(settings, clip, tmp_path):
    sidecar(tmp_path / "a.mkv").write_text("mine")
    with pytest.raises(FileExistsError, match=r"a\.json exists already"):
        write_result(clip, str(tmp_path / "a.mkv"), settings)
    assert not (tmp_path / "a.mkv").exists()
    write_result(clip, str(tmp_path / "a.mkv"), settings, overwrite=True)
    assert read_settings(tmp_path / "a.json") == settings.to_json()


def test_sources_are_found_where_they_are_noted_or_beside(settings, tmp_path):
    result = tmp_path / "out.mp4"
    assert find_source(settings, result) == tmp_path / "source.bin"
    moved = replace(settings, source=replace(settings.source, path="elsewhere/source.bin"))
    assert find_source(moved, result) == tmp_path / "source.bin"
    (tmp_path / "source.bin").rename(tmp_path / "renamed.bin")
    with pytest.raises(FileNotFoundError, match="elsewhere"):
        find_source(moved, result)
    assert find_source(moved, result, tmp_path / "renamed.bin") == tmp_path / "renamed.bin"
    (tmp_path / "renamed.bin").write_bytes(b"other")
    with pytest.raises(ValueError, match="SHA-256"):
        find_source(moved, result, tmp_path / "renamed.bin")


def test_noted_paths_move_with_the_result(tmp_path):
    assert seen_from(tmp_path / "results" / "a.mp4", tmp_path / "b.mp4") == "../b.mp4"


def test_a_folders_hash_is_of_names_and_contents(tmp_path):
    hashes = set()
    for name, content in (("a", b"1"), ("b", b"1"), ("a", b"2")):
        folder = tmp_path / f"{name}{content.decode()}"
        folder.mkdir()
        (folder / name).write_bytes(content)
        hashes.add(file_hash(folder))
    assert len(hashes) == 3


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A method that draws at random."""

    prompt: str = ""
    seed: int | None = None

    def __call__(self, model, video, *, progress=quiet, notes=None):
        raise NotImplementedError


def test_seeds_are_drawn_once():
    first, second = with_seed(Drawn()), with_seed(Drawn())  # pyright: ignore
    assert first.seed != second.seed  # pyright: ignore
    assert with_seed(first) == first
    assert with_seed(edit := FateZero(source="a", target="b")) is edit


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
    ],
)
def test_mistakes_are_named(value, says):
    with pytest.raises(ValueError, match=says):
        decode(Outer, value, name="outer")


def test_choices_are_named_where_a_list_of_them_is_missing():
    with pytest.raises(ValueError, match="control must be a list of canny or depth or pose, not 'canny'"):
        decode(ControlledVideo, {"prompt": "a car", "control": "canny"}, name="file")


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
