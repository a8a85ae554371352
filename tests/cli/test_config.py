import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rescene.cli.edit import Edit
from rescene.cli.forms import parse
from rescene.fields import field_docs
from rescene.methods import METHODS, FateZero
from tests.methods.examples import TEXT_EDITS


@pytest.fixture
def written(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "edit.yaml"
        path.write_text(text)
        return path

    return write


WHOLE = """
input: in.mp4
output: out.mp4
method: fatezero
source: a car
target: a jeep
self_replace: [0.1, 0.6]
word_windows: {jeep: 0.4}
frame_keys: [own, -1]
keep_background: true
mask_words: [car]
frames: 8
start: 1.5
model: sd15
lora: [a.safetensors:0.5]
size: 512x512
keep: [maps]
"""


def test_a_file_can_hold_everything(written):
    job = parse(Edit, ["--config", str(written(WHOLE))], command="edit")
    assert job.method == FateZero(
        source="a car",
        target="a jeep",
        self_replace=(0.1, 0.6),
        word_windows={"jeep": 0.4},
        frame_keys=("own", -1),
        keep_background=True,
        mask_words=("car",),
    )
    assert (job.input, job.output, job.trim.frames, job.trim.start) == (Path("in.mp4"), "out.mp4", 8, 1.5)
    assert (job.model.model, job.model.lora, job.result.size) == ("sd15", ("a.safetensors:0.5",), "512x512")
    assert job.result.keep == ("maps",)


def test_the_command_line_wins(written):
    line = ["other.mp4", "new.mp4", "fatezero", "--target", "a bus", "--self-replace", "0.5", "--frames", "3"]
    job = parse(Edit, [*line, "--config", str(written(WHOLE))], command="edit")
    assert isinstance(job.method, FateZero)
    assert (job.input, job.output) == (Path("other.mp4"), "new.mp4")
    assert (job.method.source, job.method.target, job.method.self_replace) == ("a car", "a bus", 0.5)
    assert (job.trim.frames, job.trim.start) == (3, 1.5)


def test_a_file_may_leave_the_method_to_the_line(written):
    path = written("source: a car\ntarget: a jeep\nnum_inference_steps: 5\n")
    for name, kind in TEXT_EDITS.items():
        job = parse(Edit, ["a.mp4", "b.mp4", name, "--config", str(path)], command="edit")
        assert job.method == kind(source="a car", target="a jeep", num_inference_steps=5)  # pyright: ignore


def test_key_frames_may_be_offsets():
    line = ["a", "b", "fatezero", "--source", "a", "--target", "b", "--frame-keys", "first", "-2"]
    job = parse(Edit, line, command="edit")
    assert isinstance(job.method, FateZero)
    assert job.method.frame_keys == ("first", -2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("self_replce: 0.5", "unknown 'self_replce'; did you mean 'self_replace'"),
        ("method: fatezer0", "did you mean 'fatezero'"),
        ("method: fatezero\npivot_interval: 3", "unknown 'pivot_interval'"),
        ("guidance_scale: a lot", "guidance_scale must be a number, not 'a lot'"),
        ("mask_words: car", "mask_words must be a list of text"),
        ("overwrite: 1", "overwrite must be true or false"),
        ("self_replace: [0.1]", "self_replace must be"),
        ("store: cloud", "unknown 'cloud'"),
        ("- a\n- b", "must hold names and values"),
        ("source: [", "is no YAML"),
        ("source: !!python/object:os.system x", "is no YAML"),
    ],
)
def test_mistakes_are_named(written, run, text, says):
    ran = run("edit", "--config", written(text))
    assert ran.status == 2
    assert says in ran.err


def test_a_missing_file_and_missing_values(run, written, tmp_path):
    assert "no such file" in run("edit", "--config", tmp_path / "no.yaml").err
    ran = run("edit", "--config", written("method: fatezero\ntarget: b\ninput: a\noutput: b.mp4"))
    assert ran.status == 2
    assert "--source" in ran.err


def test_names_never_clash():
    """One flat file and one flat line hold the options of a run and of its method."""
    own = [*field_docs(Edit)]
    for group in ("trim", "model", "result"):
        own.remove(group)
        own += field_docs(Edit.__dataclass_fields__[group].default_factory)  # pyright: ignore
    assert len(set(own)) == len(own)
    for kind in METHODS["edit"].values():
        assert not set(own) & set(field_docs(kind))


def test_all_options_are_explained():
    @dataclass
    class Bare:
        naked: int = field(default=0)

    assert field_docs(Bare) == {"naked": ""}
    for kind in (kind for kinds in METHODS.values() for kind in kinds.values()):
        docs = field_docs(kind)
        assert all(docs.values()), [name for name, text in docs.items() if not text]


def test_a_file_and_the_line_edit_alike(edit, run, written, film, tiny_folder, tmp_path):
    path = written(
        json.dumps(
            {
                "method": "fatezero",
                "input": str(film),
                "output": str(tmp_path / "b.mkv"),
                "model": str(tiny_folder),
                "source": "a silver car on red road",
                "target": "a red jeep on red road",
                "num_inference_steps": 2,
            }
        )
    )
    assert edit(output="a.mkv").status == 0
    assert run("edit", "--config", path).status == 0
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()
