"""Results and their sidecars: both or neither, and both say the same."""

from dataclasses import replace

import pytest

from rescene import Video
from rescene.runs import ModelRef, Recipe
from rescene.runs.result import read_recipe, read_settings, sidecar, write_result
from rescene.video import DigitalSourceType, DiskFullError, read_metadata
from tests.methods.examples import EXAMPLES, OTHERS

NAMES = ["a.mp4", "a.mkv", "a.gif", "frames"]


@pytest.fixture
def recipe(recipe) -> Recipe:
    return replace(recipe, method=EXAMPLES["fatezero"], label="edited")


@pytest.mark.parametrize("name", NAMES)
def test_results_and_sidecars_say_the_same(recipe, clip, tmp_path, name):
    write_result(clip, str(tmp_path / name), recipe)
    beside = sidecar(tmp_path / name)
    assert read_settings(tmp_path / name) == read_settings(beside) == recipe.to_json()
    assert read_recipe(tmp_path / name) == recipe


@pytest.mark.parametrize("name", NAMES)
def test_a_failure_leaves_neither(recipe, clip, tmp_path, monkeypatch, name):
    def fail(*_, **__):
        raise DiskFullError("full")

    before = set(tmp_path.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(Video, "write", fail)
        with pytest.raises(DiskFullError):
            write_result(clip, str(tmp_path / name), recipe)
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", NAMES)
def test_a_stop_between_video_and_sidecar_leaves_neither(recipe, clip, tmp_path, monkeypatch, name):
    before, write = set(tmp_path.iterdir()), Video.write

    def stopped(*arguments, **named):
        write(*arguments, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr(Video, "write", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_result(clip, str(tmp_path / name), recipe)
    assert set(tmp_path.iterdir()) == before


def test_nothing_is_replaced_unasked(recipe, clip, tmp_path):
    sidecar(tmp_path / "a.mkv").write_text("mine")
    with pytest.raises(FileExistsError, match=r"a\.json exists already"):
        write_result(clip, str(tmp_path / "a.mkv"), recipe)
    assert not (tmp_path / "a.mkv").exists()
    write_result(clip, str(tmp_path / "a.mkv"), recipe, overwrite=True)
    assert read_settings(tmp_path / "a.json") == recipe.to_json()


def test_what_has_no_source_is_told_to_be_generated(recipe, clip, tmp_path):
    generated = Recipe(method=OTHERS["generate", "text2video-zero"], model=ModelRef(name="mini"))
    for name, made, kind in (
        ("edited.mp4", recipe, DigitalSourceType.EDITED),
        ("generated.mp4", generated, DigitalSourceType.GENERATED),
    ):
        write_result(clip, str(tmp_path / name), made)
        assert read_metadata(tmp_path / name).source_type is kind


def test_methods_that_nobody_could_name_leave_no_recipe(recipe, negative, clip, tmp_path):
    class Unlisted(negative):
        pass

    write_result(clip, str(tmp_path / "a.mkv"), replace(recipe, method=Unlisted(), label=None))
    assert not sidecar(tmp_path / "a.mkv").exists()
    with pytest.raises(ValueError, match="carries no settings"):
        read_settings(tmp_path / "a.mkv")
