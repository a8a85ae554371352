"""`--mask` and its relatives: what may change, and what is told where that can't be."""

import json

import pytest
import torch

from rescene import Video

SIZE = 64, 128


@pytest.fixture
def left(tmp_path):
    """A picture that is white in its left half."""
    frame = torch.zeros(1, 3, *SIZE)
    frame[..., :64] = 1
    Video.of(frame, 8).write(tmp_path / "left")
    return tmp_path / "left" / "00000.png"


def changed(film, result) -> torch.Tensor:
    """The columns in which anything changed."""
    difference = Video.read(film).frames != Video.read(result).frames
    return difference.any(0).any(0).any(0).nonzero()[:, 0]


@pytest.mark.parametrize(
    ("options", "columns"),
    [
        ((), (0, 64)),
        (("--mask-invert",), (64, 128)),
        (("--mask-grow", 10), (0, 74)),
        (("--mask-grow", -10, "--mask-invert"), (74, 128)),
        (("--mask-feather", 20), (0, 64)),
    ],
)
def test_only_what_the_mask_shows_changes(edit, film, left, tmp_path, options, columns):
    ran = edit("--mask", left, *options)
    assert ran.status == 0, ran.err
    places = changed(film, tmp_path / "out.mkv").tolist()
    assert columns[0] <= min(places) <= columns[0] + 2
    assert columns[1] - 3 <= max(places) < columns[1]


def test_everything_but_one_mask_may_change_and_redo_knows(edit, film, left, run, tmp_path):
    assert edit("--mask-minus", left).status == 0
    assert min(changed(film, tmp_path / "out.mkv").tolist()) >= 64
    noted = json.loads((tmp_path / "out.json").read_text())["inputs"]["mask"]
    assert noted["minus"][0]["path"] == "left/00000.png"
    assert run("redo", tmp_path / "out.mkv", tmp_path / "again.mkv").status == 0
    assert (tmp_path / "again.mkv").read_bytes() == (tmp_path / "out.mkv").read_bytes()
    left.write_bytes(b"")
    told = run("redo", tmp_path / "out.mkv", tmp_path / "third.mkv")
    assert told.status == 2
    assert "has changed since it was a mask of out.mkv" in told.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--mask", "none.png"), "none.png: no such file"),
        (("--mask-grow", 4), "change a mask; give one"),
        (("--mask", "left/00000.png", "--mask-feather", 501), "feather is 501; it must be between 0 and 500"),
        (("--mask", "left/00000.png", "--mask-grow", -400), "the mask is empty"),
    ],
)
def test_mistakes_are_one_line(edit, left, tmp_path, monkeypatch, options, says):
    monkeypatch.chdir(tmp_path)
    ran = edit(*options)
    assert (ran.status, ran.err.count("\n")) == (2, 1)
    assert says in ran.err
    assert not (tmp_path / "out.mkv").exists()
