import json
import shutil

import pytest
import torch

from rescene import Video


def sidecar(tmp_path, name="out.json"):
    return json.loads((tmp_path / name).read_text())


@pytest.mark.parametrize("output", ["out.mkv", "frames/"])
def test_redo_gives_the_same_frames(edit, run, tmp_path, output):
    assert edit("--size", "128x64", "--frames", 3, "--label", "edited", output=output).status == 0
    ran = run("redo", tmp_path / output)
    assert ran.status == 0, ran.err
    again = "frames-redo" if output == "frames/" else "out-redo.mkv"
    assert torch.equal(Video.read(tmp_path / output).frames, Video.read(tmp_path / again).frames)


def test_redo_of_an_mp4_gives_the_same_file(edit, run, tmp_path):
    assert edit(output="out.mp4").status == 0
    assert run("redo", tmp_path / "out.json", tmp_path / "again.mp4").status == 0
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "again.mp4").read_bytes()
    assert (tmp_path / "out.json").read_text() == (tmp_path / "again.json").read_text()


def test_the_source_may_move_with_the_result(edit, run, film, tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    source = shutil.copy(film, there)
    assert edit(source=source, output="there/out.mkv").status == 0
    moved = there.rename(tmp_path / "elsewhere")
    assert run("redo", moved / "out.mkv", moved / "again.mkv").status == 0


def test_the_source_may_lie_beside_the_result(edit, run, film, tmp_path):
    assert edit().status == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(film, elsewhere)
    shutil.copy(tmp_path / "out.mkv", elsewhere)
    values = sidecar(tmp_path)
    values["inputs"]["video"]["path"] = f"gone/{film.name}"
    (elsewhere / "out.json").write_text(json.dumps(values))
    ran = run("redo", elsewhere / "out.json", elsewhere / "again.mkv")
    assert ran.status == 0, ran.err


def test_a_missing_source_is_named(edit, run, film, tmp_path):
    source = tmp_path / "moved.mkv"
    shutil.copy(film, source)
    assert edit(source=source).status == 0
    source.unlink()
    ran = run("redo", tmp_path / "out.mkv")
    assert ran.status == 2
    assert "moved.mkv" in ran.err
    assert "--source-file" in ran.err
    assert run("redo", tmp_path / "out.mkv", "--source-file", film).status == 0


def test_a_changed_source_is_refused(edit, run, film, clip, tmp_path):
    source = tmp_path / "changed.mkv"
    shutil.copy(film, source)
    assert edit(source=source).status == 0
    Video.of(clip.frames.flip(-1), 8).write(source, overwrite=True)
    ran = run("redo", tmp_path / "out.mkv")
    assert ran.status == 2
    assert "SHA-256" in ran.err


def test_another_model_is_refused(edit, run, tmp_path):
    from tests.tiny import tiny_sd

    assert edit().status == 0
    other = tiny_sd(tmp_path / "other", seed=1)
    ran = run("redo", tmp_path / "out.mkv", "--model", other)
    assert ran.status == 2
    assert "other weights" in ran.err
    assert not (tmp_path / "out-redo.mkv").exists()


def test_other_versions_are_a_warning(edit, run, tmp_path):
    assert edit().status == 0
    values = sidecar(tmp_path)
    values["versions"]["torch"] = "1.0"
    (tmp_path / "out.json").write_text(json.dumps(values))
    ran = run("redo", tmp_path / "out.json")
    assert ran.status == 0
    assert "torch 1.0 then" in ran.err


@pytest.mark.parametrize("output", ["out.mkv", "out.mp4", "out.gif", "frames/"])
def test_show_prints_the_settings_of_every_kind_of_result(edit, run, tmp_path, output):
    assert edit(output=output, source=tmp_path / "missing").status == 2
    assert edit(output=output).status == 0
    shown = run("show", tmp_path / output)
    assert shown.status == 0
    json_file = (tmp_path / output).with_suffix(".json")
    assert json.loads(shown.out) == json.loads(json_file.read_text())
    assert run("show", json_file).out == shown.out


def test_show_says_what_carries_no_settings(run, film, tmp_path):
    assert "carries no settings" in run("show", film).err
    assert "no such file" in run("show", tmp_path / "missing.mp4").err
    (tmp_path / "other.json").write_text('{"a": 1}')
    assert "no settings of rescene" in run("show", tmp_path / "other.json").err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda values: values["fields"].update(guidance=3), "unknown 'guidance'"),
        (lambda values: values["fields"].update(guidance_scale="3"), "guidance_scale must be a number"),
        (lambda values: values["fields"].pop("source"), "has no 'source'"),
        (lambda values: values.update(method="fatezer0"), "did you mean 'fatezero'"),
        (lambda values: values.update(surprise=1), "unknown 'surprise'"),
        (lambda values: values.update(seed=4), "seed differs"),
        (lambda values: values["model"].update(dtype="float8"), "unknown 'float8'"),
        (lambda values: values["fit"].update(size=[64]), "must have 2 values"),
    ],
)
def test_settings_are_read_strictly(edit, run, tmp_path, change, says):
    (tmp_path / "changed.json").write_text(json.dumps(_changed(tmp_path, edit, change)))
    ran = run("redo", tmp_path / "changed.json", tmp_path / "again.mkv")
    assert ran.status == 2
    assert says in ran.err


def _changed(tmp_path, edit, change):
    assert edit("--num-inference-steps", 1, "--frames", 1).status == 0
    values = sidecar(tmp_path)
    change(values)
    return values
