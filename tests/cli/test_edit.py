import json
import tempfile

import pytest
import torch

from rescene import Video, load
from rescene.cli.edit import numbered
from rescene.inputs import Fit
from rescene.methods import FateZero
from rescene.video import read_metadata


@pytest.mark.parametrize("output", ["out.mp4", "out.mkv", "out.gif", "frames/"])
def test_the_result_has_the_sources_size_length_and_rate(edit, film, tmp_path, output):
    ran = edit(output=output)
    assert ran.status == 0, ran.err
    source, result = Video.read(film), Video.read(tmp_path / output)
    assert (len(result), result.width, result.height) == (len(source), source.width, source.height)
    # GIFs count in hundredths of a second.
    assert float(result.fps) == pytest.approx(float(source.fps), rel=0.05 if output == "out.gif" else 1e-6)
    assert output.rstrip("/") in ran.out


def test_it_does_what_the_library_does(edit, film, tiny_folder, tmp_path):
    assert edit(output="out.mkv").status == 0
    source, model = Video.read(film), load(tiny_folder, device="cpu")
    fit = Fit.to(source, area=model.native_area, grid=model.grid)
    wanted = FateZero(
        source="a silver car on red road", target="a red jeep on red road", num_inference_steps=2
    )
    fit.restore(wanted(model, fit.apply(source))).write(tmp_path / "wanted.mkv")
    assert torch.equal(Video.read(tmp_path / "out.mkv").frames, Video.read(tmp_path / "wanted.mkv").frames)


@pytest.mark.parametrize("before", [True, False])
def test_options_may_stand_before_and_after_the_method(run, film, tiny_folder, tmp_path, before):
    options = ("--model", tiny_folder, "--frames", 2, "--size", "64x64")
    method = ("fatezero", "--source", "a car", "--target", "a jeep", "--num-inference-steps", 1)
    both = (
        (*options, film, tmp_path / "o.mkv", *method)
        if before
        else (film, tmp_path / "o.mkv", *method, *options)
    )
    assert run("edit", *both).status == 0
    assert len(Video.read(tmp_path / "o.mkv")) == 2


def test_settings_lie_beside_the_result_and_inside(edit, film, tmp_path):
    assert edit(output="out.mp4").status == 0
    inside = read_metadata(tmp_path / "out.mp4").settings
    assert (tmp_path / "out.json").read_text().strip() == inside
    values = json.loads(inside or "")
    assert values["method"] == "fatezero"
    assert values["fields"]["target"] == "a red jeep on red road"
    assert values["seed"] is None
    source = values["inputs"]["video"]["sha256"]
    assert len(source) == len(values["model"]["fingerprint"]) == 64


def test_several_targets_share_an_inversion(edit, tmp_path):
    ran = edit("--also", "a dog on red road", "a cat on red road", output="out.mkv")
    assert ran.status == 0, ran.err
    assert ran.err.count("Inverting") == 1
    names = ["out.mkv", "out-2.mkv", "out-3.mkv"]
    targets = [
        json.loads((tmp_path / name).with_suffix(".json").read_text())["fields"]["target"] for name in names
    ]
    assert targets == ["a red jeep on red road", "a dog on red road", "a cat on red road"]
    assert not torch.equal(Video.read(tmp_path / names[1]).frames, Video.read(tmp_path / names[2]).frames)


def test_results_are_numbered_by_their_names():
    assert numbered("a/b.mp4", 3) == ["a/b.mp4", "a/b-2.mp4", "a/b-3.mp4"]
    assert numbered("frames/", 2) == ["frames/", "frames-2/"]


@pytest.mark.parametrize("size", ["source", "64x64", "128x64"])
def test_the_working_size_doesnt_change_the_results(edit, film, tmp_path, size):
    assert edit("--size", size).status == 0
    assert Video.read(tmp_path / "out.mkv").width == Video.read(film).width


def test_maps_dont_change_the_frames(edit, tmp_path):
    assert edit(output="plain.mkv").status == 0
    ran = edit("--keep", "maps", "--check", "--mask-words", "car", output="out.mkv")
    assert edit("--mask-words", "car", output="masked.mkv").status == 0
    assert ran.status == 0, ran.err
    assert torch.equal(Video.read(tmp_path / "out.mkv").frames, Video.read(tmp_path / "masked.mkv").frames)
    names = {"source-words", "target-words", "masks", "comparison"}
    assert {file.name for file in (tmp_path / "out-maps").iterdir()} == {
        f"{name}{suffix}" for name in names for suffix in (".png", ".mp4")
    }
    assert len(Video.read(tmp_path / "out-maps" / "comparison.mp4")) == 4


def test_flow_is_drawn_where_frames_copy(run, film, tiny_folder, tmp_path):
    command = ("edit", film, tmp_path / "out.mkv", "tokenflow", "--model", tiny_folder, "--keep", "flow")
    ran = run(*command, "--num-inference-steps", 1, "--source", "a car", "--target", "a jeep")
    assert ran.status == 0, ran.err
    assert {file.name for file in (tmp_path / "out-maps").iterdir()} == {"flow.png", "flow.mp4"}
    assert len(Video.read(tmp_path / "out-maps" / "flow.mp4")) == 4
    assert "Reconstructing" not in ran.err


def test_flow_of_what_copies_nothing_says_so(edit, tmp_path):
    ran = edit("--keep", "flow")
    assert ran.status == 0, ran.err
    assert "no flow" in ran.err
    assert not (tmp_path / "out-maps").exists()


def test_a_poor_reconstruction_is_reported_before_the_edit(edit):
    ran = edit("--check")
    assert "PSNR" in ran.err
    assert "the reconstruction is poor" in ran.err
    assert "num-inference-steps" in ran.err


def test_a_check_of_what_reconstructs_nothing_says_so(edit, monkeypatch):
    monkeypatch.setattr("rescene.cli.check.Check.reconstructed", lambda *_: None)
    assert "nothing to check" in edit("--check").err


def test_nothing_is_left_in_the_temporary_folder(edit, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    assert edit("--store", "disk").status == 0
    assert not list(temporary.iterdir())


def test_existing_results_stay_unless_asked_otherwise(edit, tmp_path):
    assert edit("--label", "first").status == 0
    before = (tmp_path / "out.mkv").read_bytes()
    assert "--overwrite" in edit().err
    assert (tmp_path / "out.mkv").read_bytes() == before
    assert edit("--overwrite").status == 0
    assert (tmp_path / "out.mkv").read_bytes() != before
    assert json.loads((tmp_path / "out.json").read_text())["label"] is None


@pytest.mark.filterwarnings("default")
def test_a_word_that_mini_never_saw_is_warned_of_in_one_plain_line(run, film, tmp_path):
    prompts = ("--source", "a red car on the road", "--target", "a red dragon on the road")
    ran = run("edit", film, tmp_path / "out.mkv", "fatezero", *prompts, "--num-inference-steps", 1)
    assert ran.status == 0
    assert ran.err.count("rescene: warning: mini never saw the words dragon; it knows") == 1
    assert "objects: car, jeep" in ran.err
    assert "stable_diffusion.py" not in ran.err
