"""`rescene generate`: a clip from a prompt, its settings, and the way back."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from rescene import Text2VideoZero, Video, load
from rescene.cli.forms import parse
from rescene.cli.generate import Generate
from rescene.methods import METHODS
from rescene.runs import Recipe
from rescene.video import DigitalSourceType, read_metadata
from tests.tiny_wan import TINY_WANS


@pytest.fixture
def generate(run, tiny_folder, tmp_path):
    """Runs `rescene generate` for two steps of three frames; `more` may say otherwise."""

    def command(*more: object, output: str = "out.mkv", prompt: str = "a red car on road"):
        fixed = ("--model", tiny_folder, "--num-inference-steps", 2, "--num-frames", 3)
        return run("generate", tmp_path / output, "text2video-zero", "--prompt", prompt, *fixed, *more)

    return command


@pytest.mark.parametrize("output", ["out.mp4", "out.mkv", "out.gif", "frames/"])
def test_a_clip_has_the_length_and_rate_that_was_asked_for(generate, tmp_path, output):
    ran = generate("--fps", 5, output=output)
    assert ran.status == 0, ran.err
    made = Video.read(tmp_path / output)
    assert (len(made), made.width, made.height) == (3, 64, 64)
    assert float(made.fps) == pytest.approx(5)
    assert "3 frames of 64x64" in ran.out


def test_it_does_what_the_library_does(generate, tiny_folder, tmp_path):
    fields = ("--pan", 20, -6, "--zoom", 1.1, "--t0", 0.4, "--t1", 0.9, "--negative-prompt", "dog")
    ran = generate(*fields, "--prompt-suffix", "painting", "--height", 64, "--width", 128)
    assert ran.status == 0, ran.err
    wanted = Text2VideoZero(
        prompt="a red car on road",
        prompt_suffix="painting",
        negative_prompt="dog",
        pan=(20, -6),
        zoom=1.1,
        t0=0.4,
        t1=0.9,
        height=64,
        width=128,
        num_frames=3,
        num_inference_steps=2,
    )
    wanted(load(tiny_folder, device="cpu")).write(tmp_path / "wanted.mkv")
    assert torch.equal(Video.read(tmp_path / "out.mkv").frames, Video.read(tmp_path / "wanted.mkv").frames)


def test_a_lora_changes_the_clip_and_is_noted(generate, run, tmp_path):
    layer = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    stream = torch.Generator().manual_seed(0)
    factors = {"A": torch.randn(2, 8, generator=stream), "B": torch.randn(8, 2, generator=stream)}
    file = tmp_path / "style.safetensors"
    save_file({f"{layer}.lora_{name}.weight": factor for name, factor in factors.items()}, file)
    for output, more in (("plain.mkv", ()), ("styled.mkv", ("--lora", f"{file}:0.8"))):
        ran = generate(*more, output=output)
        assert ran.status == 0, ran.err
    plain, styled = (Video.read(tmp_path / name).frames for name in ("plain.mkv", "styled.mkv"))
    assert not torch.equal(plain, styled)
    noted = json.loads((tmp_path / "styled.json").read_text())["model"]["loras"]
    assert noted == {str(file): 0.8}
    assert run("redo", tmp_path / "styled.mkv").status == 0
    assert torch.equal(Video.read(tmp_path / "styled-redo.mkv").frames, styled)


def test_a_path_is_a_list_of_places():
    line = ["out.mp4", "text2video-zero", "--prompt", "a car", "--num-frames", "3", "--path"]
    job = parse(Generate, [*line, "0", "8", "-4.5", "8"], command="generate")
    assert isinstance(job.method, Text2VideoZero)
    assert job.method.path == ((0, 8), (-4.5, 8))


def test_a_file_can_hold_everything(tmp_path):
    file = tmp_path / "clip.yaml"
    file.write_text("output: o.mp4\nmethod: text2video-zero\nprompt: a car\nnum_frames: 2\npath: [[0, 8]]\n")
    job = parse(Generate, ["--config", str(file)], command="generate")
    assert (job.output, job.method) == ("o.mp4", Text2VideoZero(prompt="a car", num_frames=2, path=((0, 8),)))
    file.write_text("method: fatezero\n")
    with pytest.raises(ValueError, match="fatezero isn't a method here; it is one of `rescene edit`"):
        parse(Generate, ["--config", str(file)], command="generate")


def test_settings_have_no_source_and_say_that_all_is_generated(generate, run, tmp_path):
    assert generate(output="out.mp4", prompt="a silver jeep").status == 0
    values = json.loads((tmp_path / "out.json").read_text())
    assert (values["method"], values["fields"]["prompt"]) == ("text2video-zero", "a silver jeep")
    assert values["seed"] == 0
    assert values["inputs"]["video"] is None
    metadata = read_metadata(tmp_path / "out.mp4")
    assert metadata.source_type is DigitalSourceType.GENERATED
    assert json.loads(metadata.settings or "") == values
    assert json.loads(run("show", tmp_path / "out.mp4").out) == values
    assert Recipe.from_json(metadata.settings or "").to_json() == metadata.settings


def test_redo_gives_the_same_frames(generate, run, tmp_path):
    assert generate("--label", "made up", "--seed", 7).status == 0
    ran = run("redo", tmp_path / "out.mkv")
    assert ran.status == 0, ran.err
    assert torch.equal(Video.read(tmp_path / "out.mkv").frames, Video.read(tmp_path / "out-redo.mkv").frames)


def test_redo_with_another_model_is_refused(generate, run, tmp_path):
    from tests.tiny import tiny_sd

    assert generate().status == 0
    other = tiny_sd(tmp_path / "other", seed=1)
    ran = run("redo", tmp_path / "out.mkv", "--model", other)
    assert ran.status == 2
    assert "other weights" in ran.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--t0", 0.9, "--t1", 0.5), "0 <= t0 < t1 <= 1"),
        (("--num-frames", 0), "num_frames is 0"),
        (("--num-frames", -3), "num_frames is -3"),
        (("--path", 1, 2), "path has 1 places"),
        (("--height", 70), "multiples of 64"),
        (("--num-inference-steps", 1), "it takes 2"),
        (("--num-inference-steps", 5000), "num_inference_steps is 5000"),
        (("--prompt", "zebra " * 30), "tokens"),
        (("--smooth-background", 0.5), "subject"),
        (("--smooth-background", 0.5, "--subject", "castle"), "'castle' is not in the prompt"),
        (("--smooth-background", 0.5, "--subject-mask", "no-such.png"), "no such file"),
        (("--label", " "), "label"),
        (("--model", "nonsense"), "there is no model 'nonsense'"),
    ],
)
def test_mistakes_are_found_before_weights_are_read(generate, monkeypatch, tmp_path, options, says):
    def load(*_, **__):
        raise AssertionError("the model was loaded")

    monkeypatch.setattr("rescene.runs.local.load", load)
    ran = generate(*options)
    assert ran.status == 2
    assert says in ran.err
    assert not (tmp_path / "out.mkv").exists()


def test_existing_results_stay_unless_asked_otherwise(generate, tmp_path):
    (tmp_path / "out.mkv").write_text("mine")
    assert "exists already" in generate().err
    assert (tmp_path / "out.mkv").read_text() == "mine"
    assert generate("--overwrite").status == 0


@pytest.mark.parametrize("name", METHODS["generate"])
def test_every_generator_is_a_subcommand_and_is_explained(run, name):
    assert run("generate", Path("out.mp4"), name, "--help").status == 0
    assert f"rescene generate OUT {name}" in run("methods", name).out


@pytest.fixture(scope="module")
def wan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return TINY_WANS["wan-ti2v"](tmp_path_factory.mktemp("models") / "wan")


def test_the_model_chooses_the_method_where_none_is_named(run, wan, tiny_folder, tmp_path):
    picture = tmp_path / "picture.png"
    Image.new("RGB", (64, 64), "teal").save(picture)
    fixed = ("--prompt", "a red car", "--num-inference-steps", 2, "--num-frames", 2)
    ran = run(
        "generate",
        tmp_path / "clip.mkv",
        "--model",
        wan,
        *fixed,
        "--height",
        64,
        "--width",
        64,
        "--image",
        picture,
    )
    assert ran.status == 0, ran.err
    assert "2 frames of 64x64" in ran.out
    settings = json.loads((tmp_path / "clip.json").read_text())
    assert (settings["method"], settings["fields"]["image"]) == ("text-to-video", "picture.png")
    ran = run("generate", tmp_path / "still.mkv", "--model", tiny_folder, *fixed)
    assert ran.status == 0, ran.err
    assert json.loads((tmp_path / "still.json").read_text())["method"] == "text2video-zero"
    # The picture is known by its contents: the result can be made again only with it.
    again = run("redo", tmp_path / "clip.mkv", tmp_path / "again.mkv")
    assert again.status == 0, again.err
    assert torch.equal(Video.read(tmp_path / "again.mkv").frames, Video.read(tmp_path / "clip.mkv").frames)
    Image.new("RGB", (64, 64), "red").save(picture)
    again = run("redo", tmp_path / "clip.mkv", tmp_path / "third.mkv")
    assert again.status == 2
    assert "has changed since" in again.err


def test_without_a_method_a_missing_model_is_still_one_line(run, tmp_path):
    ran = run("generate", tmp_path / "clip.mkv", "--model", "nothing", "--prompt", "a red car")
    assert ran.status == 2
    assert "there is no model 'nothing'" in ran.err
