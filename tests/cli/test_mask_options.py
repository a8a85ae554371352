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


@pytest.mark.filterwarnings("ignore:the mask, carried by")
def test_a_box_is_followed(edit, film, tmp_path):
    ran = edit("--mask-box", "4,12,40,40@0", output="followed.mkv")
    assert ran.status == 0, ran.err
    source, result = (Video.read(path).frames for path in (film, tmp_path / "followed.mkv"))
    columns = (source != result)[0].any(0).any(0).nonzero()[:, 0]
    assert 6 <= columns.min() <= columns.max() <= 42
    assert (source != result)[1:].any()
    noted = json.loads((tmp_path / "followed.json").read_text())["inputs"]["mask"]["marks"]
    assert noted["boxes"] == [{"x": 4, "y": 12, "width": 40, "height": 40, "at": 0}]


@pytest.mark.filterwarnings("ignore:the mask, carried by")
def test_a_mask_is_made_alone_with_a_clip_that_shows_it(run, film, tmp_path):
    ran = run("mask", film, tmp_path / "mask.mkv", "--mask-box", "4,12,40,40", "--mask-grow", 2)
    assert ran.status == 0, ran.err
    mask, overlay = Video.read(tmp_path / "mask.mkv"), Video.read(tmp_path / "mask-overlay.mp4")
    assert len(mask) == len(overlay) == 4
    inside = mask.frames[0, 0] > 0.5
    assert inside[20:44, 12:36].all()
    assert not inside[:, 60:].any()
    assert "mask-overlay.mp4" in ran.out
    again = run("mask", film, tmp_path / "mask.mkv", "--mask-box", "4,12,40,40")
    assert (again.status, "exists already" in again.err) == (2, True)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ("--mask-box", "1,2,3"),
            "--mask-box '1,2,3': write whole numbers and the frame, as in --mask-box 40",
        ),
        (("--mask-point", "1,2@x"), "--mask-point '1,2@x'"),
        (("--mask-polygon", "1,2,3,4,5@0"), "--mask-polygon '1,2,3,4,5@0'"),
        (("--mask-box", "100,10,40,20"), "reaches to (139, 29), outside the picture of 128x64"),
        (("--mask-point", "3,3@7"), "the point is on frame 7, and there are 4: 0 to 3"),
        ((), "there is nothing to make a mask of"),
    ],
)
def test_wrong_marks_are_one_line(run, film, tmp_path, options, says):
    ran = run("mask", film, tmp_path / "mask.mkv", *options)
    assert (ran.status, ran.err.count("\n")) == (2, 1)
    assert says in ran.err
    assert not list(tmp_path.glob("mask*"))


def test_what_an_edited_frame_changed_is_for_propagate(edit):
    ran = edit("--mask", "auto")
    assert (ran.status, ran.err.count("\n")) == (2, 1)
    assert "it is for `rescene propagate`" in ran.err
