"""`rescene propagate` from file to file."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from rescene import Video
from rescene.backbones import StableVideo
from rescene.methods.i2vedit.edited import EditedClip
from rescene.video.audio import Audio
from tests.tiny_wan import TINY_WANS

SIZE = 64, 96


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five frames of 96x64 pixels."""
    path = tmp_path_factory.mktemp("films") / "noise.mkv"
    _moving(5).write(path)
    return path


@pytest.fixture(scope="module")
def pictures(source: Path) -> list[Path]:
    """Two edited first frames."""
    found: list[Path] = []
    for number in range(2):
        folder = source.parent / f"edited-{number}"
        pixels = torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(number))
        Video.of(pixels, 8).write(f"{folder}/")
        found += folder.glob("*.png")
    return found


@pytest.fixture
def propagate(run, source, pictures, svd_folder, tmp_path):
    """Runs it with clips of three frames and two steps; `more` may say otherwise."""

    def command(*more: object, output: str = "out.mkv", film: Path = source, length: int = 3):
        fixed = (
            "--model",
            svd_folder,
            "--num-inference-steps",
            2,
            "--clip-length",
            length,
            "--size",
            "64x64",
        )
        first = () if "--first-frame" in more else ("--first-frame", pictures[0])
        return run("propagate", film, tmp_path / output, *fixed, *first, *more)

    return command


def _moving(frames: int) -> Video:
    return Video.of(torch.rand(frames, 3, *SIZE, generator=torch.Generator().manual_seed(9)), 12)


def _tone(path: Path, *, seconds: int) -> Path:
    """A file with a buzz."""
    with av.open(path, "w") as output:
        track = output.add_stream("aac", rate=48000, layout="mono")
        for start in range(0, seconds * 48000, 1024):
            wave = np.sin(np.arange(start, start + 1024, dtype=np.float32) / 20)[None]
            frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 48000, start
            output.mux(track.encode(frame))
        output.mux(track.encode())
    return path


def test_the_result_has_the_sources_size_length_and_rate(propagate, source, tmp_path):
    ran = propagate()
    assert ran.status == 0, ran.err
    result, film = Video.read(tmp_path / "out.mkv"), Video.read(source)
    assert (len(result), result.width, result.height, result.fps) == (5, 96, 64, film.fps)
    settings = json.loads((tmp_path / "out.json").read_text())
    assert settings["method"] == "i2vedit"
    assert settings["fields"]["clip_length"] == 3
    assert [frame["at"] for frame in settings["inputs"]["key_frames"]] == [0]


def test_forty_frames_are_three_clips_and_a_stopped_run_gives_the_same_file(propagate, monkeypatch, tmp_path):
    film = tmp_path / "long.mp4"
    replace(_moving(40), audio=Audio(path=_tone(tmp_path / "tone.mp4", seconds=4))).write(film)
    whole = propagate(film=film, output="whole.mkv", length=14)
    assert whole.status == 0, whole.err
    assert "Editing 3/3" in whole.err
    for file in (tmp_path / "cache").iterdir():
        file.unlink()

    denoise = EditedClip.denoise

    def stopping(self, z, step):
        if self.description == "Editing 2/3" and step.index == 1:
            raise KeyboardInterrupt
        return denoise(self, z, step)

    with monkeypatch.context() as patch:
        patch.setattr(EditedClip, "denoise", stopping)
        stopped = propagate(film=film, output="out.mkv", length=14)
    assert stopped.status == 130
    assert "--resume goes on" in stopped.err
    assert not (tmp_path / "out.mkv").exists()
    resumed = propagate("--resume", film=film, output="out.mkv", length=14)
    assert resumed.status == 0, resumed.err
    assert "1/3" not in resumed.err
    result = Video.read(tmp_path / "out.mkv")
    assert (len(result), result.fps, result.audio is not None) == (40, 12, True)
    assert torch.equal(result.frames, Video.read(tmp_path / "whole.mkv").frames)
    assert len(list((tmp_path / "cache").iterdir())) == 3  # The trajectories, and nothing of the run.


def test_several_first_frames_make_several_results(propagate, pictures, tmp_path):
    ran = propagate("--first-frame", *pictures, "--frames", 3)
    assert ran.status == 0, ran.err
    assert ran.err.count("Inverting 1/1") == 1
    first, second = (Video.read(tmp_path / name).frames for name in ("out.mkv", "out-2.mkv"))
    assert not torch.equal(first, second)


def test_a_command_with_several_results_goes_on_where_it_was_stopped(
    propagate, pictures, monkeypatch, tmp_path
):
    line = ("--first-frame", *pictures)
    denoise, edited = EditedClip.denoise, list[EditedClip]()

    def stopping(self, z, step):
        if self not in edited:
            edited.append(self)
        if len(edited) > 3:  # The last clip of the second result.
            raise KeyboardInterrupt
        return denoise(self, z, step)

    with monkeypatch.context() as patch:
        patch.setattr(EditedClip, "denoise", stopping)
        assert propagate(*line).status == 130
    assert (tmp_path / "out.mkv").exists()
    assert not (tmp_path / "out-2.mkv").exists()
    before = (tmp_path / "out.mkv").read_bytes()
    ran = propagate(*line, "--resume")
    assert ran.status == 0, ran.err
    assert "out.mkv  (finished before)" in ran.out
    assert "Editing 1/2" not in ran.err
    assert (tmp_path / "out.mkv").read_bytes() == before
    assert propagate("--first-frame", pictures[1], output="alone.mkv").status == 0
    resumed, alone = (Video.read(tmp_path / name).frames for name in ("out-2.mkv", "alone.mkv"))
    assert torch.equal(resumed, alone)


def test_a_model_of_single_images_is_refused_in_one_sentence(propagate, tiny_folder):
    ran = propagate("--model", tiny_folder, "--size", "64x64")
    assert ran.status == 2
    assert "i2vedit needs a model that is led by a picture; Stable Diffusion reads prompts" in ran.err


def test_redo_gives_the_same_frames_also_where_all_lies_beside_the_result(
    propagate, run, source, pictures, tmp_path
):
    assert propagate("--key-frame", f"3={pictures[1]}", "--label", "edited").status == 0
    before = Video.read(tmp_path / "out.mkv").frames
    ran = run("redo", tmp_path / "out.mkv", tmp_path / "again.mkv")
    assert ran.status == 0, ran.err
    assert torch.equal(Video.read(tmp_path / "again.mkv").frames, before)
    there = tmp_path / "there"
    there.mkdir()
    for number, picture in enumerate(pictures):
        shutil.copy(picture, there / f"{number}.png")
    for file in (source, tmp_path / "out.mkv"):
        shutil.copy(file, there)
    noted = json.loads((tmp_path / "out.json").read_text())
    for number, frame in enumerate(noted["inputs"]["key_frames"]):
        frame["path"] = f"../gone/{number}.png"
    (there / "out.json").write_text(json.dumps(noted))
    ran = run("redo", there / "out.json", there / "again.mkv")
    assert ran.status == 0, ran.err
    assert torch.equal(Video.read(there / "again.mkv").frames, before)


def test_redo_says_which_edited_frame_is_missing_or_has_changed(propagate, run, pictures, tmp_path):
    picture = Path(shutil.copy(pictures[0], tmp_path / "first.png"))
    assert propagate("--first-frame", picture, "--frames", 2).status == 0
    shutil.copy(pictures[1], picture)
    ran = run("redo", tmp_path / "out.mkv")
    assert (ran.status, "SHA-256" in ran.err) == (2, True)
    picture.unlink()
    ran = run("redo", tmp_path / "out.mkv")
    assert ran.status == 2
    assert "the edited frame 0 of out.mkv is missing" in ran.err


def test_a_picture_of_another_size_is_refused_or_fitted(propagate, tmp_path):
    Video.of(torch.rand(1, 3, 50, 60), 8).write(f"{tmp_path / 'small'}/")
    (picture,) = (tmp_path / "small").glob("*.png")
    ran = propagate("--first-frame", picture)
    assert ran.status == 2
    assert "is 60x50 and the video 96x64" in ran.err
    assert "--fit" in ran.err
    assert propagate("--first-frame", picture, "--fit", "--frames", 2).status == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--frames", 1), "the video has 1 frame"),
        (("--key-frame", "door.png"), "write NUMBER=FILE"),
        (("--key-frame", "4={picture}"), "a clip needs 2 or more"),
        (("--key-frame", "9={picture}"), "there is no frame 9"),
        (("--motion-lora", "none.safetensors"), "there is no motion LoRA"),
        (("--resume",), "no stopped run of these settings"),
        (("--first-frame", "none.png"), "none.png"),
        (("--first-frame",), "--first-frame names no file"),
        (("--size", "60x64"), "not a multiple of 16"),
        (("--model", "mini-svd"), "there is no model 'mini-svd'"),
        (("--guidance-scale", "0"), "guidance_scale is 0"),
    ],
)
def test_wrong_input_is_found_before_anything_is_computed(propagate, pictures, monkeypatch, more, message):
    def predict(*_, **__):
        raise AssertionError("something was computed")

    monkeypatch.setattr(StableVideo, "predict", predict)
    ran = propagate(*(str(part).format(picture=pictures[1]) for part in more))
    assert ran.status == 2, ran.err
    assert message in ran.err


def test_key_frames_belong_to_one_edit(propagate, pictures):
    ran = propagate("--first-frame", *pictures, "--key-frame", f"3={pictures[0]}")
    assert ran.status == 2
    assert "give one --first-frame" in ran.err


def test_a_model_that_a_frame_and_a_prompt_lead_chooses_the_method(run, source, pictures, tmp_path):
    wan = TINY_WANS["wan-ti2v"](tmp_path / "wan")
    line = ("propagate", source, tmp_path / "out.mkv", "--first-frame", pictures[0], "--model", wan)
    ran = run(*line, "--source", "a red car", "--num-inference-steps", 1, "--size", "64x64")
    assert ran.status == 0, ran.err
    result, film = Video.read(tmp_path / "out.mkv"), Video.read(source)
    assert (len(result), result.width, result.height, result.fps) == (5, 96, 64, film.fps)
    assert json.loads((tmp_path / "out.json").read_text())["method"] == "if-v2v"
    refused = run(*line, "--method", "i2vedit", "--overwrite")
    assert refused.status == 2
    assert "i2vedit needs a model that is led by a picture" in refused.err
    assert "use `rescene propagate` with if-v2v" in refused.err


@pytest.mark.filterwarnings("ignore:the mask, carried by")
def test_only_what_the_edited_frame_changed_may_change(propagate, source, tmp_path):
    first = Video.read(source).frames[:1].clone()
    first[..., 16:40, 20:50] = torch.tensor([1.0, 0, 1])[:, None, None]
    Video.of(first, 8).write(f"{tmp_path}/patch/")
    picture = next((tmp_path / "patch").glob("*.png"))
    ran = propagate("--first-frame", picture, "--mask", "auto")
    assert ran.status == 0, ran.err
    differs = (Video.read(source).frames != Video.read(tmp_path / "out.mkv").frames)[0].any(0)
    assert differs[20:36, 26:46].any()
    differs[10:46, 14:56] = False
    assert not differs.any()
    assert json.loads((tmp_path / "out.json").read_text())["inputs"]["mask"]["difference"] is True
