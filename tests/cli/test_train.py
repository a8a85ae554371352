"""`rescene train one-shot` and what uses its adapters, on a tiny model."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from rescene import OneShot, TuneAVideo, Video, load
from rescene.backbones.changes import read_header
from rescene.cli.train_one_shot import clip_of
from rescene.inputs import Fit
from rescene.runs import Trim, file_hash


@pytest.fixture
def train(run, film, tiny_folder, tmp_path) -> Callable:
    """Tunes for two steps; `more` may say otherwise."""

    def command(*more: object, output: str = "car.safetensors"):
        fixed = ("--model", tiny_folder, "--steps", 2, "--checkpoint-every", 1, "--prompt", "a silver car")
        return run("train", "one-shot", film, tmp_path / output, *fixed, *more)

    return command


def test_it_does_what_the_library_does(train, film, tiny_folder, tmp_path):
    ran = train("--seed", 3)
    assert ran.status == 0, ran.err
    assert "car.safetensors" in ran.out
    model, source = load(tiny_folder, device="cpu"), Video.read(film)
    video = Fit.to(source, area=model.native_area, grid=model.grid).apply(source)
    wanted = OneShot(prompt="a silver car", steps=2, seed=3)(model, video).trained()
    found = load_file(tmp_path / "car.safetensors")
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in found)


def test_checkpoints_lie_beside_the_result_and_can_be_used(train, tmp_path, monkeypatch):
    monkeypatch.setattr("rescene.cli.train_one_shot.TuneAVideo", partial(TuneAVideo, num_inference_steps=1))
    assert train("--sample-prompts", "a red jeep", "a red cat").status == 0
    place = tmp_path / "car-training"
    names = {"checkpoint.safetensors", "losses.csv", "losses.svg"}
    names |= {f"step-0000{step}{end}" for step in (1, 2) for end in (".safetensors", "-1.mp4", "-2.mp4")}
    assert {file.name for file in place.iterdir()} == names
    assert read_header(place / "step-00001.safetensors").steps == 1
    assert len(Video.read(place / "step-00002-2.mp4")) == 4


def test_a_stopped_tuning_resumes_and_ends_as_if_it_hadnt_stopped(train, tmp_path):
    assert train(output="whole.safetensors").status == 0
    assert train("--steps", 1).status == 0
    before = (tmp_path / "car.safetensors").read_bytes()
    ran = train("--resume", "--learning-rate", 1)
    assert ran.status == 2
    assert "learning_rate was 3e-05 and is 1.0" in ran.err
    assert (tmp_path / "car.safetensors").read_bytes() == before
    assert train("--resume").status == 0
    whole, parts = (load_file(tmp_path / f"{name}.safetensors") for name in ("whole", "car"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_existing_results_and_checkpoints_stay_unless_asked_otherwise(train, tmp_path):
    assert train().status == 0
    assert "--overwrite" in train().err
    (tmp_path / "car.safetensors").unlink()
    assert "has a checkpoint" in train().err
    assert train("--overwrite").status == 0


def test_fatezeros_variant_makes_class_images_first(train, tmp_path, monkeypatch):
    monkeypatch.setattr("rescene.training.class_images.NUM_INFERENCE_STEPS", 1)
    ran = train("--variant", "fatezero", "--class-prompt", "a car", "--class-images", 2)
    assert ran.status == 0, ran.err
    assert len(Video.read(tmp_path / "car-training" / "class")) == 2
    assert any(".temporal_convolution." in name for name in load_file(tmp_path / "car.safetensors"))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--frames", 9), "has 4 frames where 9 were asked for"),
        (("--frames", 4, "--every", 2), "has 2 frames where 4 were asked for"),
        (("--prompt", "silver " * 40), "the model reads"),
        (("--sample-prompts", "silver " * 40), "the model reads"),
        (("--steps", 0), "steps is 0"),
        (("--resume",), "nothing to resume"),
    ],
)
def test_mistakes_are_told_before_anything_is_computed(train, tmp_path, more, message):
    ran = train(*more)
    assert ran.status == 2
    assert message in ran.err
    assert not (tmp_path / "car.safetensors").exists()


def test_the_result_is_a_safetensors_file(train):
    assert "must end with .safetensors" in train(output="car.ckpt").err


def test_long_clips_are_cut_unless_frames_are_asked_for(film, monkeypatch):
    monkeypatch.setattr("rescene.cli.train_one_shot.MOST_FRAMES", 2)
    assert len(clip_of(film, Trim())) == 2
    assert len(clip_of(film, Trim(frames=4))) == 4


def test_edits_by_an_adapter(train, run, film, tiny_folder, tmp_path):
    assert train().status == 0
    motion = ("--model", tiny_folder, "--num-inference-steps", 1, "--motion", tmp_path / "car.safetensors")
    ran = run("edit", film, tmp_path / "a.mkv", "tune-a-video", *motion, "--target", "a jeep")
    assert ran.status == 0, ran.err
    prompts = ("--source", "a silver car", "--target", "a silver jeep")
    ran = run("edit", film, tmp_path / "b.mkv", "fatezero", *motion, *prompts)
    assert ran.status == 0, ran.err
    assert len(Video.read(tmp_path / "a.mkv")) == len(Video.read(tmp_path / "b.mkv")) == 4
    ran = run("generate", tmp_path / "c.mkv", "tune-a-video", *motion, "--prompt", "a jeep")
    assert ran.status == 0, ran.err
    assert len(Video.read(tmp_path / "c.mkv")) == 4


def test_results_tell_their_adapter_and_are_redone_with_no_other(train, run, film, tiny_folder, tmp_path):
    assert train().status == 0
    adapter, there = tmp_path / "car.safetensors", tmp_path / "there"
    motion = ("--model", tiny_folder, "--num-inference-steps", 1, "--motion", adapter)
    assert run("edit", film, there / "a.mkv", "tune-a-video", *motion, "--target", "a jeep").status == 0
    assert run("generate", there / "b.mkv", "tune-a-video", *motion, "--prompt", "a jeep").status == 0
    for name in ("a", "b"):
        values = json.loads((there / f"{name}.json").read_text())
        assert values["fields"]["motion"] == "../car.safetensors"
        assert values["files"] == {"motion": [file_hash(adapter)]}
        ran = run("redo", there / f"{name}.mkv")
        assert ran.status == 0, ran.err
        again = there / f"{name}-redo.json"
        assert json.loads(again.read_text()) == values
        assert torch.equal(*(Video.read(there / f"{name}{end}.mkv").frames for end in ("", "-redo")))
        again.unlink()
        (there / f"{name}-redo.mkv").unlink()
    assert train("--overwrite", "--seed", 1).status == 0
    for name in ("a", "b"):
        ran = run("redo", there / f"{name}.mkv")
        assert ran.status == 2
        assert f"has changed since it was the adapter of {name}.mkv" in ran.err
        assert not (there / f"{name}-redo.mkv").exists()


def test_a_published_folder_is_converted(run, train, tiny_folder, tmp_path: Path):
    ran = run("convert", tiny_folder, tmp_path / "a.safetensors")
    assert ran.status == 2
    assert "image model" in ran.err
    assert "must end with .safetensors" in run("convert", tiny_folder, tmp_path / "a.bin").err
