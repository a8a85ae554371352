"""Means over rows, the best marked, and trials that come back from their files as they were."""

import csv
from pathlib import Path
from typing import Any

import pytest

from rescene.bench.tables import as_dict, markdown, summaries, table_of
from rescene.bench.trial import Trial
from rescene.metrics import METRICS, Report, Score

PSNR, SSIM = METRICS["psnr"].about, METRICS["ssim"].about


def trial(row: str, kind: str, setting: str, psnr: float | None) -> Trial:
    texts: dict[str, Any] = {
        "row": row,
        "kind": kind,
        "setting": setting,
        "source": "a cat",
        "target": "a dog",
    }
    if psnr is None:
        return Trial(**texts, identity="", error="ValueError: no clip")
    scores = (Score(about=PSNR, value=psnr, how="h"), Score(about=SSIM, value=0.5, part="inside", how="h"))
    report = Report(scores=scores, left_out={"lpips": "no network"}, notes=("scaled",))
    return Trial(**texts, identity="abc", report=report, made={"method": "ddim", "fields": {"strength": 0.5}})


TRIALS = [
    trial("one", "colour", "weak", 10.0),
    trial("one", "colour", "strong", 20.0),
    trial("two", "style", "weak", 14.0),
    trial("two", "style", "strong", None),
]


def test_means_are_over_the_rows_that_have_a_number():
    every, colour, style = summaries(TRIALS)
    assert [table.kind for table in (every, colour, style)] == ["all", "colour", "style"]
    weak, strong = every.lines
    assert (weak.means["psnr"].score.value, weak.means["psnr"].count, weak.failed) == (12.0, 2, 0)
    assert (strong.means["psnr"].score.value, strong.means["psnr"].count, strong.failed) == (20.0, 1, 1)
    assert every.best("psnr") == "20.00"
    assert every.best("ssim_inside") is None


def test_the_table_shows_arrows_units_and_the_best():
    text = markdown(summaries(TRIALS))
    assert "### all: 2 rows" in text
    assert "| PSNR ↑ (dB) | 12.00 | **20.00** |" in text
    assert "| Failed ↓ | 0 | 1 |" in text


def test_csv_has_one_line_for_each_result():
    lines = list(csv.DictReader(table_of(TRIALS).splitlines()))
    assert [(line["psnr"], line["error"]) for line in lines[2:]] == [
        ("14.0", ""),
        ("", "ValueError: no clip"),
    ]


def test_means_as_json_say_how_they_were_computed():
    (first, *_) = as_dict(summaries(TRIALS))
    assert first["means"]["psnr"] | {"how": "h", "rows": 2} == first["means"]["psnr"]


@pytest.mark.parametrize("which", [0, 3])
def test_a_trial_comes_back_as_it_was(tmp_path: Path, which: int):
    path = tmp_path / "deep" / "trial.json"
    TRIALS[which].save(path)
    assert Trial.load(path) == TRIALS[which]


def test_a_trial_that_was_changed_counts_as_none(tmp_path: Path):
    path = tmp_path / "trial.json"
    assert Trial.load(path) is None
    TRIALS[0].save(path)
    path.write_text(path.read_text().replace('"abouts"', '"about"'))
    assert Trial.load(path) is None
    path.write_text("[]")
    assert Trial.load(path) is None
