"""A finished edit is never lost: what could refuse it is tried before, and what fails at the end is saved."""

import json
import os
from dataclasses import replace
from fractions import Fraction

import pytest

from rescene import Video
from rescene.cache import claimed
from rescene.inputs import Inputs
from rescene.runs import result as module
from rescene.runs.result import sidecar
from rescene.runs.run import prepare, run
from rescene.video import Audio
from rescene.video.clip import Wrapped


def test_a_result_that_fails_at_the_end_is_saved_beside_it(recipe, host, clip, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError("the disk is gone")

    monkeypatch.setattr(module, "write_result", full)
    monkeypatch.setattr("rescene.runs.run.write_result", full)
    with pytest.raises(OSError, match=r"the disk is gone.*out-rescued\.mkv, losslessly"):
        run(prepare(recipe, host), str(tmp_path / "out.mp4"), host)
    saved = Video.read(tmp_path / "out-rescued.mkv")
    assert (saved.frames - (1 - Video.read(recipe.inputs.video.path).frames)).abs().mean() < 0.02
    with pytest.raises(OSError, match=r"out-rescued-2\.mkv"):
        run(prepare(recipe, host), str(tmp_path / "out.mp4"), host)


def test_frames_that_cannot_be_made_are_not_saved(clip, tmp_path):
    class Broken(Wrapped):
        def read(self, start, stop):
            raise ValueError("no such frame")

    broken, path = replace(clip, clip=Broken(clip.clip)), tmp_path / "a.mp4"
    with pytest.raises(ValueError, match="no such frame"), module.rescuing(broken, str(path)) as guarded:
        guarded.write(path)
    assert not list(tmp_path.glob("*rescued*"))


def test_stopping_saves_nothing(clip, tmp_path):
    with pytest.raises(KeyboardInterrupt), module.rescuing(clip, str(tmp_path / "a.mp4")):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_what_refuses_a_result_is_found_before_it_is_computed(recipe, host, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise ValueError("no encoder takes this")

    monkeypatch.setattr("rescene.video.write.encode", refuse)
    with pytest.raises(ValueError, match="no encoder takes this"):
        prepare(recipe, host, output=str(tmp_path / "new" / "out.mp4"))
    assert not host.told and not (tmp_path / "new").exists()


def test_the_sound_is_tried_before(recipe, host, clip, source, tmp_path, monkeypatch):
    gone = replace(clip, audio=Audio(path=tmp_path / "gone.mp4", start=Fraction(0)))
    monkeypatch.setattr("rescene.runs.run.opened", lambda refs, progress: Inputs(video=gone))
    with pytest.raises(FileNotFoundError, match=r"gone\.mp4"):
        prepare(recipe, host, output=str(tmp_path / "out.mp4"))
    assert not host.told


def test_trying_leaves_nothing(recipe, host, tmp_path):
    before = sorted(tmp_path.iterdir())
    for name in ("out.mp4", "out.gif", "frames/", "a/b/out.webm"):
        prepare(recipe, host, output=f"{tmp_path}/{name}")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("link", [None, os.symlink, os.link])
def test_a_result_onto_its_source_is_refused_before_the_model_is_loaded(
    recipe, host, source, tmp_path, overwrite, link
):
    host.overwrite, target = overwrite, source
    if link is not None:
        target = tmp_path / "other.mkv"
        link(source, target)
    with pytest.raises(FileExistsError):
        prepare(recipe, host, output=str(target))
    assert not host.told


def test_a_foreign_sidecar_is_left_alone(recipe, host, tmp_path):
    (tmp_path / "out.json").write_text('{"name": "my project"}')
    host.overwrite = True
    with pytest.raises(FileExistsError, match="isn't rescene's"):
        prepare(recipe, host, output=str(tmp_path / "out.mkv"))
    assert (tmp_path / "out.json").read_text() == '{"name": "my project"}'
    (tmp_path / "out.json").write_text(recipe.to_json())
    prepare(recipe, host, output=str(tmp_path / "out.mkv"))


def test_of_two_runs_with_one_target_the_second_computes_nothing(recipe, host, tmp_path):
    with claimed(tmp_path / "out.mkv"), pytest.raises(FileExistsError, match="another run is making"):
        run(prepare(recipe, host), str(tmp_path / "." / "out.mkv"), host)
    assert not host.told
    run(prepare(recipe, host), str(tmp_path / "out.mkv"), host)


def test_a_result_that_has_come_since_is_found_before_computing(recipe, host, tmp_path):
    work = prepare(recipe, host, output=str(tmp_path / "out.mkv"))
    (tmp_path / "out.mkv").write_bytes(b"theirs")
    with pytest.raises(FileExistsError, match="exists already"):
        run(work, str(tmp_path / "out.mkv"), host)
    assert not host.told and not sidecar(tmp_path / "out.mkv").exists()


@pytest.mark.parametrize("path", ["/dev/zero", "\ud800", "a\0b", ""])
def test_names_in_a_recipe_that_are_no_files_are_refused(recipe, host, path):
    video = replace(recipe.inputs.video, path=path, sha256="0" * 64)
    with pytest.raises((ValueError, FileNotFoundError), match=r"no file can be called|device or a pipe"):
        prepare(replace(recipe, inputs=replace(recipe.inputs, video=video)), host, result="a.mp4")


def test_a_name_of_bytes_that_are_no_text_is_kept(recipe, host, source, tmp_path):
    odd = tmp_path / os.fsdecode(b"caf\xe9.mkv")
    source.rename(odd)
    video = replace(recipe.inputs.video, path=str(odd))
    named = replace(recipe, inputs=replace(recipe.inputs, video=video))
    run(prepare(named, host, output=str(tmp_path / "out.mp4")), str(tmp_path / "out.mp4"), host)
    again = module.read_recipe(tmp_path / "out.json")
    assert again.inputs.video
    assert (tmp_path / again.inputs.video.path).exists()


@pytest.mark.parametrize(
    "fit",
    [
        {"size": [10**9, 10**9]},
        {"size": [-64, 64]},
        {"size": [63, 64]},
        {"content": [128, 128]},
        {"source": [8, 8]},
        {"frames": 4, "length": 10**9},
    ],
)
def test_sizes_in_settings_are_bounded(recipe, host, fit):
    known = {"source": [64, 128], "content": [64, 128], "size": [64, 128], "frames": None, "length": None}
    values = json.loads(recipe.to_json()) | {"fit": known | fit}
    with pytest.raises(ValueError, match=r"can't be worked at|larger than the size|don't suit"):
        prepare(type(recipe).from_json(json.dumps(values)), host)
