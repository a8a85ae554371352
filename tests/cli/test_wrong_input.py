"""Each mistake is one clear line and exit status 2, and nothing is left behind."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from rescene import StableDiffusion, Video
from rescene.cli import main
from rescene.demo import CLIP
from tests.cli.conftest import PROMPTS


@pytest.fixture
def refuses(edit, tmp_path):
    """Runs a wrong edit and checks how it ends."""

    def check(*more, says, output="out.mp4", **other):
        before = set(tmp_path.iterdir())
        ran = edit(*more, output=output, **other)
        assert ran.status == 2
        message = ran.err.splitlines()[-1]
        assert message.startswith("rescene: ")
        assert says in message
        assert "Traceback" not in ran.err
        assert set(tmp_path.iterdir()) <= before | {tmp_path / "cache"}

    return check


@pytest.fixture
def early(monkeypatch):
    """Fails the test if weights are read: the mistake must have been found before."""

    def load(*_, **__):
        raise AssertionError("the model was loaded")

    monkeypatch.setattr("rescene.runs.local.load", load)


@pytest.mark.usefixtures("early")
class TestFoundBeforeTheModelIsLoaded:
    def test_no_such_file(self, refuses):
        refuses(source=Path("no-such.mp4"), says="no such file")

    def test_not_a_video(self, refuses, tmp_path):
        (tmp_path / "text.mp4").write_text("once upon a time")
        refuses(source=tmp_path / "text.mp4", says="cannot be read as a video")

    def test_an_empty_file(self, refuses, tmp_path):
        (tmp_path / "empty.mp4").touch()
        refuses(source=tmp_path / "empty.mp4", says="is empty")

    def test_a_folder_without_frames(self, refuses, tmp_path):
        (tmp_path / "empty").mkdir()
        refuses(source=tmp_path / "empty", says="has no images")

    def test_no_frames_left_by_trimming(self, refuses):
        refuses("--start", 3, "--end", 3, says="no frame is left")
        refuses("--start", "99", says="beyond the end")
        refuses("--every", 0, says="every must be at least 1")

    def test_empty_prompts(self, refuses):
        refuses("--source", " ", says="source prompt is empty")
        refuses("--target", "", says="target prompt is empty")

    def test_words_that_arent_in_the_prompt(self, refuses):
        refuses("--emphasize", "castle", 2, says="'castle' is not in the prompt")
        refuses("--word-windows", "castle", 0.5, says="'castle' is not in the prompt")
        refuses("--mask-words", "castle", says="'castle' is not in the prompt")
        refuses("--also", "a blue dog", "--emphasize", "jeep", 2, says="'jeep' is not in the prompt")

    def test_windows_out_of_range(self, refuses):
        refuses("--self-replace", 1.5, says="from 0 to 1")

    def test_a_prompt_beyond_the_text_encoder(self, refuses):
        refuses("--target", " ".join(["zebra"] * 20), says="tokens")

    def test_more_steps_than_the_model_knows(self, refuses):
        refuses("--num-inference-steps", 5000, says="num_inference_steps is 5000")

    def test_a_size_that_isnt_divisible(self, refuses):
        refuses("--size", "100x64", says="not a multiple of 64")
        refuses("--size", "big", says="--size 'big'")

    def test_a_suffix_that_cant_be_written(self, refuses):
        refuses(output="out.txt", says="cannot be written")

    def test_a_result_that_exists(self, refuses, tmp_path):
        (tmp_path / "out.mp4").write_text("mine")
        refuses(says="exists already")

    def test_a_sidecar_that_exists(self, refuses, tmp_path):
        (tmp_path / "out.json").write_text("mine")
        refuses(says="out.json exists already")

    def test_maps_that_exist(self, refuses, tmp_path):
        (tmp_path / "out-maps").mkdir()
        (tmp_path / "out-maps" / "mine.txt").touch()
        refuses("--keep", "maps", says="exists already")
        refuses("--keep", "maps", "--overwrite", says="more than maps")

    def test_a_file_where_a_folder_should_be(self, refuses, tmp_path):
        (tmp_path / "folder").touch()
        refuses(output="folder/out.mp4", says="folder")

    def test_a_label_that_shows_nothing(self, refuses):
        refuses("--label", " ", says="label")

    def test_loras(self, refuses):
        refuses("--lora", "style.safetensors:0.5", says="no such file")
        refuses("--lora", "style.safetensors:strong", says="'strong' is no number")

    def test_a_device_that_isnt_there(self, refuses):
        refuses("--device", "abacus", says="'abacus'")

    def test_a_model_of_another_kind(self, refuses, svd_folder):
        refuses(
            "--model", svd_folder, says="fatezero needs a model that reads prompts frame by frame; Stable"
        )
        refuses("--model", svd_folder, says="use `rescene propagate`")

    def test_models(self, refuses, tiny_folder, tmp_path):
        refuses("--model", "nonsense", says="there is no model 'nonsense'")
        for part in ("unet", "tokenizer"):
            lacking = shutil.copytree(tiny_folder, tmp_path / part)
            shutil.rmtree(lacking / part)
            refuses("--model", lacking, says=f"has no {part}")


def test_a_model_without_its_weights(refuses, tiny_folder, tmp_path):
    lacking = shutil.copytree(tiny_folder, tmp_path / "lacking")
    (lacking / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    refuses("--model", lacking, says=".safetensors")


def test_numbers_that_run_away(refuses, tiny_folder, tmp_path):
    poisoned = shutil.copytree(tiny_folder, tmp_path / "poisoned")
    file = poisoned / "unet" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    weights["conv_out.bias"].fill_(float("nan"))
    save_file(weights, file, {"format": "pt"})
    refuses("--model", poisoned, says="NaN")


def test_a_full_disk(refuses, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("rescene.video.files.shutil.disk_usage", lambda path: usage(1, 1, 0))
    refuses(says="no room on the disk")


def test_an_unknown_option(run, film, tmp_path):
    ran = run("edit", film, tmp_path / "o.mp4", "fatezero", "--source", "a", "--target", "b", "--guidance", 3)
    assert ran.status == 2
    assert "--guidance" in ran.err


def test_an_unknown_method(run, film, tmp_path):
    assert run("edit", film, tmp_path / "o.mp4", "fatezer0").status == 2


def test_an_unknown_command(run):
    assert run("edti").status == 2


def test_a_clip_of_one_frame_is_none_of_these(edit, tmp_path):
    assert edit("--frames", 1).status == 0
    assert len(Video.read(tmp_path / "out.mkv")) == 1


def test_a_bug_keeps_its_traceback(edit, monkeypatch):
    def decode(*_, **__):
        return int("a bug of another library")

    monkeypatch.setattr(StableDiffusion, "decode", decode)
    with pytest.raises(ValueError, match="a bug"):
        edit()


@pytest.fixture
def clip_file(tmp_path) -> Path:
    return Path(shutil.copy(CLIP, tmp_path / "clip.mp4"))


@pytest.mark.parametrize("option", [("--num-inference-steps", "9" * 20), ("--guidance-scale", "inf")])
def test_numbers_without_bound_are_refused_before_computing(run, clip_file, tmp_path, option):
    line = ("edit", clip_file, tmp_path / "o.mp4", "fatezero", "--model", "mini")
    ran = run(*line, "--source", "a red car", "--target", "a blue car", *option)
    assert ran.status == 2
    assert "too large" in ran.err


@pytest.mark.parametrize("start", ["nan", "inf", "9" * 400])
def test_a_start_that_is_no_place_is_refused(run, clip_file, tmp_path, start):
    line = ("edit", clip_file, tmp_path / "o.mp4", "fatezero", "--model", "mini", "--start", start)
    ran = run(*line, "--source", "a red car", "--target", "a blue car")
    assert (ran.status, "Traceback" in ran.err) == (2, False)


@pytest.mark.parametrize("content", [b"[" * 100_000, b"\xff\xfe\x00"])
def test_settings_that_arent_any_are_told(run, tmp_path, content):
    (tmp_path / "made.json").write_bytes(content)
    for line in (("show", tmp_path / "made.json"), ("redo", tmp_path / "made.json", tmp_path / "o.mp4")):
        ran = run(*line)
        assert (ran.status, "Traceback" in ran.err) == (2, False), ran.err


def test_an_input_is_never_replaced(run, clip_file):
    before = clip_file.read_bytes()
    words = ("--source", "a red car", "--target", "a blue car")
    for line in (
        ("edit", clip_file, clip_file, "fatezero", "--num-inference-steps", 1, *words),
        ("control", clip_file, clip_file, "canny"),
    ):
        ran = run(*line[:3], "--overwrite", *line[3:])
        assert ran.status == 2, ran.err
        assert "made of" in ran.err
    assert clip_file.read_bytes() == before


def test_help_needs_no_model(capsys):
    assert main(["--help"]) == 0
    assert "redo" in capsys.readouterr().out


@pytest.mark.usefixtures("early")
class TestOneLineFromStrangersFiles:
    """What other people's files and lines may hold, in one line and with status 2."""

    @pytest.mark.parametrize(
        ("line", "says"),
        [
            (["edti"], "unknown 'edti'; did you mean 'edit'"),
            (["train", "one-shto"], "did you mean 'one-shot'"),
            (["edit", "a.mp4", "b.mp4", "fatezeroo"], "did you mean 'fatezero'"),
            (["edit", "a.mp4", "b.mp4", "fatezero", "--sorce", "a"], "did you mean '--source'"),
            (["edit", "a.mp4", "b.mp4", "fatezero", "--source", "a"], "lacks --target"),
            (["edit"], "lacks IN, OUT"),
            (
                ["edit", "a.mp4", "b.mp4", "--also", "fatezero", "--source", "a", "--target", "b"],
                "--also is there",
            ),
            (["edit", "a.mp4", "b.mp4", "--frames", "x", "fatezero", *PROMPTS], "must be a whole number"),
            ([], "Expected one of"),
        ],
    )
    def test_a_wrong_line(self, run, line, says):
        ran = run(*line)
        assert ran.status == 2 and says in ran.err
        assert len(ran.err.splitlines()) == 1, ran.err

    def test_a_misspelt_model(self, run, film, tmp_path):
        ran = run("edit", film, tmp_path / "a.mp4", "--model", "mimi", "fatezero", *PROMPTS)
        assert ran.status == 2 and "did you mean 'mini'" in ran.err

    @pytest.mark.parametrize("name", ["", "/proc/x.mp4", "x" * 300 + ".mp4", "a.xyz"])
    def test_a_name_that_no_result_can_have(self, run, film, tiny_folder, name):
        ran = run("edit", film, name, "--model", tiny_folder, "fatezero", *PROMPTS)
        assert ran.status == 2 and len(ran.err.splitlines()) == 1
        assert "exists already" not in ran.err

    def test_a_size_as_large_as_no_model_works_at(self, refuses):
        refuses("--size", "99999999x99999999", says="a side has from 1 to 16384 pixels")

    @pytest.mark.parametrize("option", ["--source", "--target"])
    def test_a_prompt_of_bytes_that_are_no_text(self, refuses, option):
        refuses(option, "caf\udce9", says="aren't UTF-8")

    def test_a_result_onto_its_source(self, run, film, tiny_folder):
        for more in ((), ("--overwrite",)):
            ran = run("edit", film, film, "--model", tiny_folder, *more, "fatezero", *PROMPTS)
            assert ran.status == 2 and ran.err.startswith("rescene: ")

    @pytest.mark.parametrize(
        ("name", "content", "command"),
        [
            ("a.csv", b"input,output\n\xff,x\n", ("evaluate", "a.csv", "--clip", "none")),
            ("a.csv", b"input,output\n" + b"a" * 140_000 + b",b\n", ("evaluate", "a.csv", "--clip", "none")),
            ("a.json", b'[{"input": 1}]', ("evaluate", "a.json", "--clip", "none")),
            ("a.json", b"[" * 100_000, ("evaluate", "a.json", "--clip", "none")),
            ("a.json", b"[" * 100_000, ("redo", "a.json", "o.mp4")),
            ("a.json", b'{"method": "x", "seed": ' + b"9" * 5000 + b"}", ("redo", "a.json", "o.mp4")),
            ("a.json", b'{"method": [1], "fields": 5}', ("redo", "a.json", "o.mp4")),
            ("a.yaml", b"method: [fatezero]", ("edit", "i.mp4", "o.mp4", "--config", "a.yaml")),
            (
                "a.yaml",
                b"num_inference_steps: " + b"9" * 5000,
                ("edit", "i.mp4", "o.mp4", "--config", "a.yaml"),
            ),
            ("a.yaml", b"a: &a [*a]", ("edit", "i.mp4", "o.mp4", "--config", "a.yaml")),
            ("a.yaml", b"\xff", ("edit", "i.mp4", "o.mp4", "--config", "a.yaml")),
            (
                "a.csv",
                b"clip,source,target\n\xff,\xfe,x\n",
                ("bench", "out", "--rows", "a.csv", "--methods", "nothing"),
            ),
            (
                "a.csv",
                b"name,clip,source,target\n../../x,a.mp4,a,b\n",
                ("bench", "out", "--rows", "a.csv", "--methods", "nothing"),
            ),
            (
                "a.json",
                b'[{"video_name": 5, "source_prompt": 1, "target_prompt": 2}]',
                ("bench", "out", "--rows", "a.json", "--methods", "nothing"),
            ),
            (
                "a.json",
                b'[{"video_name": "../../etc", "source_prompt": "a", "target_prompt": "b"}]',
                ("bench", "out", "--rows", "a.json", "--methods", "nothing"),
            ),
        ],
        ids=range(15),
    )
    def test_a_file_that_is_none(self, run, tmp_path, monkeypatch, name, content, command):
        (tmp_path / name).write_bytes(content)
        monkeypatch.chdir(tmp_path)
        ran = run(*command)
        assert ran.status == 2 and "Traceback" not in ran.err
        assert len(ran.err) < 1000 and len(ran.err.splitlines()) == 1
        assert sorted(file.name for file in tmp_path.iterdir()) == [name]

    def test_settings_of_another_kind_in_a_comment(self, run, film, tmp_path):
        for number, comment in enumerate(
            (
                '{"method": "x", "fields": [1]}',
                '{"method": "x", "source": ["a"]}',
                '{"method": "x", "verb": 1, "inputs": 5}',
            )
        ):
            path = tmp_path / f"{number}.mkv"
            Video.read(film).write(path, settings=comment)
            ran = run("evaluate", film, path, "--clip", "none", "--metrics", "psnr")
            assert "Traceback" not in ran.err and ran.status in (0, 2)

    def test_a_comparison_never_replaces_what_it_compares(self, run, film, tmp_path):
        shutil.copy(film, tmp_path / "b.mp4")
        before = (tmp_path / "b.mp4").read_bytes()
        ran = run("compare", film, tmp_path / "b.mp4", tmp_path / "b.html", "--overwrite")
        assert ran.status == 2 and "would replace" in ran.err
        assert (tmp_path / "b.mp4").read_bytes() == before
