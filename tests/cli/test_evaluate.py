import csv
import json
from pathlib import Path

import pytest
import torch

from rescene import Video
from rescene.metrics import METRICS


@pytest.fixture(scope="module")
def edited(clip: Video, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip, a tenth darker, as a lossless file."""
    path = tmp_path_factory.mktemp("edited") / "square.mkv"
    Video.of((clip.frames - 0.1).clamp(0, 1), clip.fps).write(path)
    return path


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.metrics.tiny_clip import tiny_clip

    return tiny_clip(tmp_path_factory.mktemp("models") / "clip")


def test_all_metrics_are_shown_with_the_model_that_made_them(run, film, edited, clip_folder):
    ran = run("evaluate", film, edited, "--source", "a red car", "--target", "a jeep", "--clip", clip_folder)
    assert ran.status == 0, ran.err
    for kind in METRICS.values():
        assert kind.about.title in ran.out or kind.about.name in ran.out
    assert "↓" in ran.out


def test_without_a_model_the_other_metrics_still_run(run, film, edited, tmp_path):
    ran = run("evaluate", film, edited, "--clip", tmp_path / "nowhere", "--metrics", "psnr", "clip_text")
    assert ran.status == 0
    assert "PSNR" in ran.out
    assert "left out: clip_text" in ran.out
    assert "nowhere" in ran.out


WORLD = ("--source", "a red car on the road", "--target", "a blue car on the road")
CHOSEN = ("--metrics", "clip_text", "psnr")


def test_the_embedded_models_scorer_works_offline_and_is_named(run, film, edited):
    ran = run("evaluate", film, edited, *WORLD, *CHOSEN, "--clip", "mini")
    assert ran.status == 0, ran.err
    assert "CLIP text" in ran.out
    assert "mini's scorer" in " ".join(ran.out.split())


def test_it_takes_the_place_of_a_missing_clip_only_for_prompts_of_its_world(run, film, edited, monkeypatch):
    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError("no network")

    monkeypatch.setattr("rescene.metrics.CLIP.load", missing)
    assert "CLIP text" in run("evaluate", film, edited, *WORLD, *CHOSEN).out
    photograph = ("--source", "a silver jeep driving", "--target", "a watercolor of a jeep")
    assert "left out: clip_text (no network)" in run("evaluate", film, edited, *photograph, *CHOSEN).out
    assert "left out: clip_text (no network)" in run("evaluate", film, edited, *CHOSEN).out
    # One that was asked for by name isn't replaced.
    assert "left out" in run("evaluate", film, edited, *WORLD, *CHOSEN, "--clip", "some/clip").out


def test_numbers_go_to_files(run, film, edited, tmp_path):
    out, rows = tmp_path / "out.json", tmp_path / "out.csv"
    chosen = ("--metrics", "psnr", "same_format", "--json", out, "--csv", rows)
    assert run("evaluate", film, edited, *chosen).status == 0
    (pair,) = json.loads(out.read_text())
    assert pair["scores"][0]["metric"] == "psnr"
    assert pair["input"] == str(film)
    with rows.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["psnr"]) == pytest.approx(pair["scores"][0]["value"])
    assert row["same_format_frame_rate"] == "1.0"
    ran = run("evaluate", film, edited, *chosen)
    assert ran.status == 2
    assert "--overwrite" in ran.err


def test_of_a_list_what_fails_is_counted_and_the_rest_runs(run, film, edited, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    table = tmp_path / "pairs.csv"
    lines = [f"{film},{edited},a car", f"{film},{broken},", f"{film},{film},"]
    table.write_text("input,output,source\n" + "\n".join(lines))
    ran = run("evaluate", table, "--metrics", "psnr", "--json", tmp_path / "out.json")
    assert ran.status == 2
    assert "1 of 3 pairs could not be measured" in ran.err
    assert "broken.mp4" in ran.err
    assert "2 of 3 pairs were measured" in ran.out
    values = json.loads((tmp_path / "out.json").read_text())
    assert [("error" in value, value["source"]) for value in values] == [
        (False, "a car"),
        (True, None),
        (False, None),
    ]


def test_a_list_may_be_json_with_paths_beside_it(run, film, edited, tmp_path):
    (tmp_path / "a.mkv").write_bytes(film.read_bytes())
    (tmp_path / "b.mkv").write_bytes(edited.read_bytes())
    rows = [{"input": "a.mkv", "output": "b.mkv"}, {"input": "a.mkv", "output": "a.mkv", "mask": "a.mkv"}]
    (tmp_path / "pairs.json").write_text(json.dumps(rows))
    ran = run("evaluate", tmp_path / "pairs.json", "--metrics", "psnr")
    assert ran.status == 0, ran.err
    assert "PSNR, outside" in ran.out


def test_folders_are_paired_by_name(run, film, edited, tmp_path):
    sources, results = tmp_path / "sources", tmp_path / "results"
    for folder, file in ((sources, film), (results, edited)):
        folder.mkdir()
        for name in ("one", "two"):
            (folder / f"{name}.mkv").write_bytes(file.read_bytes())
    (sources / "three.mkv").write_bytes(film.read_bytes())
    ran = run("evaluate", sources, results, "--metrics", "psnr", "--csv", tmp_path / "out.csv")
    assert ran.status == 0, ran.err
    with (tmp_path / "out.csv").open(newline="") as file:
        assert [Path(row["input"]).stem for row in csv.DictReader(file)] == ["one", "two"]


def test_the_result_says_which_frames_and_prompts_it_was_made_from(edit, run, film, tmp_path, clip_folder):
    assert edit("--start", 2, "--frames", 2).status == 0
    ran = run("evaluate", film, tmp_path / "out.mkv", "--clip", clip_folder, "--metrics", "psnr", "clip_text")
    assert ran.status == 0, ran.err
    assert "CLIP text" in ran.out
    assert "note" not in ran.out


def test_videos_of_different_length_are_aligned_and_that_is_said(run, film, clip, tmp_path):
    clip[:3].write(tmp_path / "short.mkv")
    ran = run("evaluate", film, tmp_path / "short.mkv", "--metrics", "psnr")
    assert ran.status == 0
    assert "the first 3 were compared" in " ".join(ran.out.split())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("--metrics", "psnt"), "did you mean 'psnr'"),
        (("--mask", "nowhere.png"), "nowhere.png"),
    ],
)
def test_wrong_input_is_one_line(run, film, edited, wrong, said):
    ran = run("evaluate", film, edited, *wrong)
    assert ran.status == 2
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_other_shapes_are_refused(run, film, tmp_path):
    Video.of(torch.zeros(4, 3, 64, 64), 8).write(tmp_path / "square.mkv")
    ran = run("evaluate", film, tmp_path / "square.mkv", "--metrics", "psnr")
    assert ran.status == 2
    assert "shapes differ" in ran.err


def test_a_list_with_an_unknown_column_is_refused(run, tmp_path):
    (tmp_path / "pairs.csv").write_text("input,ouput\na,b\n")
    ran = run("evaluate", tmp_path / "pairs.csv")
    assert ran.status == 2
    assert "did you mean 'output'" in ran.err


def test_a_source_needs_a_result(run, film):
    ran = run("evaluate", film)
    assert ran.status == 2
    assert "no result" in ran.err
