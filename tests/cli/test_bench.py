"""Benchmarks from the command line: rows, settings, failures, going on, tables and pages."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rescene import Video
from rescene.bench.baselines import Nothing, SDEdit
from tests.cli.conftest import Ran

ROWS = [
    {"name": "jeep", "clip": "a.mkv", "source": "a silver car", "target": "a red jeep", "kind": "object"},
    {"name": "gone", "clip": "b.mkv", "source": "a silver car", "target": "a red car", "kind": "colour"},
    {"name": "road", "clip": "a.mkv", "source": "a silver car", "target": "a red car", "kind": "colour"},
]
SETTINGS = """
- method: nothing
- {name: weak, method: sdedit, num_inference_steps: 2, strength: 0.5}
- {name: fatezero, method: fatezero, num_inference_steps: 2, colour: {mask_words: subject}}
"""


@pytest.fixture
def bench(run, film: Path, tiny_folder: Path, tmp_path: Path) -> Callable[..., Ran]:
    """Runs three rows, one of which has no clip."""
    (tmp_path / "a.mkv").write_bytes(film.read_bytes())
    (tmp_path / "rows.json").write_text(json.dumps(ROWS))
    (tmp_path / "settings.yaml").write_text(SETTINGS)

    def command(*more: object) -> Ran:
        lists = ("--rows", tmp_path / "rows.json", "--settings", tmp_path / "settings.yaml")
        measures = ("--metrics", "psnr", "warp_error", "--clip", "none", "--model", tiny_folder)
        return run("bench", tmp_path / "out", *lists, *measures, *more)

    return command


def numbers(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "results.json").read_text())["rows"]


def test_failures_are_counted_and_the_rest_goes_on(bench, tmp_path):
    ran = bench()
    assert ran.status == 2
    assert "3 of 9 results could not be made" in ran.err
    assert "gone, weak" in ran.err
    out = tmp_path / "out"
    rows = numbers(out)
    assert [row["row"] for row in rows if row.get("error")] == ["gone"] * 3
    assert {score["metric"] for score in rows[0]["scores"]} >= {"psnr", "warp_error", "seconds"}
    with (out / "results.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["setting"] for row in table[:3]] == ["nothing", "weak", "fatezero"]
    assert float(table[0]["psnr"]) > 30  # Nothing was done but to resize to the model's size and back.
    assert "b.mkv" in table[3]["error"]
    assert "| nothing |" in (out / "table.md").read_text()
    index = (out / "index.html").read_text()
    assert "pages/jeep.html" in index
    assert "3 failed" in index
    page = (out / "pages" / "road.html").read_text()
    for text in ("weak", "fatezero", "num inference steps", "PSNR"):
        assert text in page
    assert not (out / "pages" / "gone.html").exists()


def test_results_carry_their_settings_and_have_the_sources_size(bench, run, tmp_path, film):
    bench("--limit", 1)
    result = tmp_path / "out" / "results" / "fatezero" / "jeep.mp4"
    assert json.loads(run("show", result).out)["fields"]["target"] == "a red jeep"
    source, video = Video.read(film), Video.read(result)
    assert (video.height, video.width, len(video)) == (source.height, source.width, len(source))
    assert not list(tmp_path.glob("out/**/road*"))


def test_it_goes_on_where_it_was_stopped(bench, tmp_path, monkeypatch):
    whole = SDEdit.__call__

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SDEdit, "__call__", stopped)
    assert bench().status == 130
    assert list(tmp_path.glob("out/records/*/*.json")) == [tmp_path / "out/records/nothing/jeep.json"]

    monkeypatch.setattr(SDEdit, "__call__", whole)
    monkeypatch.setattr(Nothing, "__call__", stopped)  # What is there isn't made again.
    (tmp_path / "rows.json").write_text(json.dumps(ROWS[:1]))
    assert bench().status == 0
    assert len(numbers(tmp_path / "out")) == 3

    (tmp_path / "settings.yaml").write_text(SETTINGS.replace("strength: 0.5", "strength: 1.0"))
    before = numbers(tmp_path / "out")
    assert bench().status == 0
    after = numbers(tmp_path / "out")
    assert [one["identity"] == other["identity"] for one, other in zip(before, after, strict=True)] == [
        True,
        False,
        True,
    ]


def test_another_size_is_another_result(bench, tmp_path):
    (tmp_path / "rows.json").write_text(json.dumps(ROWS[:1]))
    assert bench().status == 0
    before = numbers(tmp_path / "out")
    assert bench("--size", "128x128").status == 0
    for one, other in zip(before, numbers(tmp_path / "out"), strict=True):
        assert one["identity"] != other["identity"]


def test_a_clip_is_tuned_once_for_all_settings_that_ask_for_the_same(bench, run, tmp_path, monkeypatch):
    tune = "num_inference_steps: 1, tune: {steps: 1}"
    settings = f"- {{method: fatezero, {tune}}}\n- {{method: tune-a-video, {tune}}}\n"
    (tmp_path / "settings.yaml").write_text(settings)
    (tmp_path / "rows.json").write_text(json.dumps(ROWS[:1]))
    ran = bench()
    assert ran.status == 0, ran.err
    (adapter,) = tmp_path.glob("out/tuned/jeep-*.safetensors")
    one, other = (
        {score["metric"]: score["value"] for score in row["scores"]} for row in numbers(tmp_path / "out")
    )
    assert one["tuning_seconds"] == other["tuning_seconds"] > 0
    shown = json.loads(run("show", tmp_path / "out/results/fatezero/jeep.mp4").out)
    assert shown["fields"]["motion"] == f"../../tuned/{adapter.name}"

    # Another setting of the edit takes the adapter that is there; other steps need one of their own.
    monkeypatch.setattr("rescene.training.one_shot.train", None)
    (tmp_path / "settings.yaml").write_text(settings.replace("inference_steps: 1", "inference_steps: 2"))
    assert bench().status == 0
    (tmp_path / "settings.yaml").write_text(settings.replace("{steps: 1}", "{steps: 2}"))
    assert "2 of 2 results could not be made" in bench().err


def test_a_failed_row_is_tried_again(bench, tmp_path, film):
    assert bench("--limit", 2).status == 2
    (tmp_path / "b.mkv").write_bytes(film.read_bytes())
    assert bench("--limit", 2).status == 0


def test_the_rendered_world_is_the_default(run, tmp_path, tiny_folder):
    ran = run("bench", tmp_path / "out", "--limit", 1, "--methods", "nothing", "--model", tiny_folder)
    assert ran.status == 0, ran.err
    kinds = [row["kind"] for row in numbers(tmp_path / "out")]
    assert kinds == ["colour", "object", "background", "style"]
    assert "Success" in ran.out
    assert "Truth" in next((tmp_path / "out" / "pages").glob("style*.html")).read_text()


def test_scenes_of_the_rendered_world_may_be_longer_and_of_one_kind(run, tmp_path, tiny_folder):
    folder, methods = tmp_path / "out", ("--methods", "nothing", "--model", tiny_folder)
    ran = run("bench", folder, "--limit", 1, "--kinds", "style", "--frames", 9, *methods)
    assert ran.status == 0, ran.err
    (row,) = numbers(folder)
    assert row["kind"] == "style"
    assert "9-frames" in row["row"]
    assert len(Video.read(folder / "results" / "nothing" / f"{row['row']}.mp4")) == 9


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--methods", "fatezer"), "did you mean 'fatezero'"),
        (("--rows", "none.csv", "--methods", "nothing"), "none.csv"),
        (("--rows", "none.csv"), "--methods"),
        (("--limit", "0"), "--limit is 0"),
        (("--every", "2"), "--every are for lists"),
        (("--frames", "1"), "--frames is 1"),
        (("--kinds", "color"), "did you mean 'colour'"),
        (("--methods", "nothing", "--settings", "x.yaml"), "give one of them"),
        (("--settings", "none.yaml"), "none.yaml"),
        (("--metrics", "psnt", "--rows", "none.csv", "--methods", "nothing"), "psnr"),
    ],
)
def test_wrong_input_is_one_line(run, tmp_path, more, said):
    ran = run("bench", tmp_path / "out", *more)
    assert ran.status == 2
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "out").exists()


def test_a_folder_of_other_things_is_left_alone(run, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    assert "holds other things" in run("bench", tmp_path, "--methods", "nothing").err
    assert "is a file" in run("bench", tmp_path / "mine.txt", "--methods", "nothing").err
