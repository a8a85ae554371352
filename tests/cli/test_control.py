"""`rescene control`, and edits that follow controls."""

import pytest
import torch

from rescene import Canny, Video
from rescene.backbones.changes.controlnet import CONTROLNETS
from rescene.controls import CONTROLS
from rescene.video import read_metadata
from tests.tiny import tiny_controlnet, tiny_pix2pix


@pytest.fixture(scope="module")
def controlnet(loaded, tmp_path_factory):
    return tiny_controlnet(tmp_path_factory.mktemp("models") / "controlnet", loaded.control.network)


@pytest.fixture
def follow(run, film, tiny_folder, controlnet, tmp_path):
    """Runs `rescene edit IN OUT text2video-zero` for one step."""

    def command(*more, output="out.mkv"):
        fixed = ("--model", tiny_folder, "--controlnets", controlnet, "--num-inference-steps", 1)
        prompt = ("--prompt", "a red car", "--size", "64x64")
        return run("edit", film, tmp_path / output, "text2video-zero", *prompt, *fixed, *more)

    return command


def test_the_control_alone_is_written(run, film, tmp_path):
    ran = run("control", film, tmp_path / "edges.mkv", "canny", "--low", 20, "--high", 60)
    assert ran.status == 0, ran.err
    wanted = Canny(low=20, high=60)(Video.read(film)).frames
    assert torch.equal(Video.read(tmp_path / "edges.mkv").frames.round(), wanted)
    assert read_metadata(tmp_path / "edges.mkv").source_type is None


def test_it_has_the_frames_and_rows_that_were_asked_for(run, film, tmp_path):
    assert run("control", film, tmp_path / "e.mkv", "canny", "--frames", 2, "--height", 32).status == 0
    made = Video.read(tmp_path / "e.mkv")
    assert (len(made), made.height, made.width) == (2, 32, 64)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("canny", "--low", 200, "--high", 100), "low one must not be above"),
        (("canny", "--height", 0), "--height is 0"),
        (("depth", "--model", "/no/such/model"), "the depth model /no/such/model can't be read"),
        (("pose", "--detector", "/no/such/model"), "the detection model /no/such/model can't be read"),
    ],
)
def test_mistakes_are_one_line(run, film, tmp_path, options, says):
    ran = run("control", film, tmp_path / "edges.mkv", *options)
    assert ran.status == 2
    assert says in ran.err
    assert not (tmp_path / "edges.mkv").exists()


@pytest.mark.parametrize("name", CONTROLS)
def test_every_control_is_a_subcommand(run, name):
    assert run("control", "in.mp4", "out.mp4", name, "--help").status == 0


def test_an_edit_follows_edges_or_a_control_video(follow, run, film, tmp_path):
    assert run("control", film, tmp_path / "edges.mkv", "canny").status == 0
    for output, more in (("a.mkv", ("--control", "canny")), ("b.mkv", ("--control-weights", 0.2))):
        ran = follow(*more, output=output)
        assert ran.status == 0, ran.err
    assert follow("--control-video", tmp_path / "edges.mkv", output="c.mkv").status == 0
    assert (tmp_path / "c.json").read_text().count("edges.mkv") == 1
    ran = run("redo", tmp_path / "c.mkv")
    assert ran.status == 0, ran.err
    assert (tmp_path / "c.mkv").read_bytes() == (tmp_path / "c-redo.mkv").read_bytes()
    a, b, c = (Video.read(tmp_path / name) for name in ("a.mkv", "b.mkv", "c.mkv"))
    assert (len(a), a.width, a.height) == (4, 128, 64)
    assert not torch.equal(a.frames, b.frames)
    assert len(c) == 4


def test_a_model_with_a_controlnet_of_its_own_needs_no_name(
    run, film, tiny_folder, controlnet, tmp_path, monkeypatch
):
    monkeypatch.setitem(CONTROLNETS, "mini-canny", controlnet)
    line = ("--model", tiny_folder, "--prompt", "a red car", "--size", "64x64", "--num-inference-steps", 1)
    ran = run("edit", film, tmp_path / "out.mkv", "text2video-zero", *line, "--control", "canny")
    assert ran.status == 0, ran.err
    assert run("redo", tmp_path / "out.mkv").status == 0
    assert torch.equal(Video.read(tmp_path / "out.mkv").frames, Video.read(tmp_path / "out-redo.mkv").frames)
    ran = run("edit", film, tmp_path / "no.mkv", "text2video-zero", *line, "--control", "depth")
    assert ran.status == 2
    assert "no ControlNet for depth" in ran.err


def test_several_controls_with_weights(follow, controlnet):
    both = ("--control", "canny", "canny", "--control-weights", 1, 0.5)
    assert follow(*both, "--controlnets", controlnet, controlnet).status == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--controlnets", "nonsense"), "there is no ControlNet 'nonsense'"),
        (("--control-weights", 1, 2), "2 entries for 1 controls"),
        (("--canny-low", 300), "low one must not be above"),
        (("--control-video", "no-such.mp4"), "no such file"),
        (("--control-video", "{film}", "--frames", 2), "has 4 frames and the video 2: they must match"),
    ],
)
def test_mistakes_of_edits_are_found_before_weights_are_read(follow, film, monkeypatch, options, says):
    def load(*_, **__):
        raise AssertionError("the model was loaded")

    monkeypatch.setattr("rescene.runs.local.load", load)
    ran = follow(*(str(option).format(film=film) for option in options))
    assert ran.status == 2
    assert says in ran.err


def test_a_control_video_is_for_methods_that_follow_one(edit, film):
    ran = edit("--control-video", film)
    assert ran.status == 2
    assert "fatezero is given none" in ran.err


def test_an_edit_as_told(run, film, tmp_path):
    told = tiny_pix2pix(tmp_path / "pix2pix")
    line = ("--instruction", "a red car", "--num-inference-steps", 1, "--size", "64x64")
    ran = run("edit", film, tmp_path / "out.mkv", "instruct-pix2pix", "--model", told, *line)
    assert ran.status == 0, ran.err
    assert len(Video.read(tmp_path / "out.mkv")) == 4


def test_only_a_model_for_instructions_can_be_told(run, film, tiny_folder, tmp_path):
    line = ("--instruction", "a red car", "--model", tiny_folder)
    ran = run("edit", film, tmp_path / "out.mkv", "instruct-pix2pix", *line)
    assert ran.status == 2
    assert "instruct-pix2pix needs a model that reads prompts and reads an image beside" in ran.err
