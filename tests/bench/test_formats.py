"""The lists of published benchmarks, as their authors lay them out, and our own."""

import csv
import json
from pathlib import Path

import pytest

from rescene.bench import read_rows
from rescene.bench.row import replaced_words


def written(path: Path, rows: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".json":
        path.write_text(json.dumps(rows))
        return path
    assert isinstance(rows, list)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_tgve(tmp_path):
    captions = ("Our GT caption", "Style Change Caption", "Object Change Caption")
    captions += ("Background Change Caption", "Multiple Changes Caption")
    texts = ("A man surfs.", "A man surfs, oil painting.", "A bear surfs.", "A man surfs in lava.", "")
    rows = [
        {"Video name": "DAVIS Videos:", **dict.fromkeys(captions, "")},
        {"Video name": "man-surf", **dict(zip(captions, texts, strict=True))},
    ]
    (tmp_path / "youtube_480p" / "480p_frames" / "man-surf").mkdir(parents=True)
    listed = read_rows(written(tmp_path / "LOVEU-TGVE-2023_Dataset.csv", rows))
    assert [row.kind for row in listed] == ["style", "object", "background"]
    assert {row.clip for row in listed} == {tmp_path / "youtube_480p" / "480p_frames" / "man-surf"}
    assert (listed[1].source, listed[1].target, listed[1].subject) == (
        "A man surfs.",
        "A bear surfs.",
        ("man",),
    )
    assert listed[0].subject == ()


def test_a_film_stands_in_for_frames(tmp_path):
    row = {"Video name": "a", "Our GT caption": "a", "Style Change Caption": "b", "Object Change Caption": ""}
    row |= {"Background Change Caption": "", "Multiple Changes Caption": ""}
    film = tmp_path / "videvo_480p" / "480p_videos" / "a.mp4"
    film.parent.mkdir(parents=True)
    film.touch()
    (listed,) = read_rows(written(tmp_path / "list.csv", [row]))
    assert listed.clip == film


@pytest.mark.parametrize("resolution", ["", "480p"])
def test_davis_edit(tmp_path, resolution):
    for folder in ("JPEGImages", "Annotations"):
        (tmp_path / folder / resolution / "bear").mkdir(parents=True)
    captions = {"original": "a bear walking", "similar": "A panda walking", "changing": "A rabbit walking"}
    similar, changing = read_rows(written(tmp_path / "captions.json", {"bear": captions}))
    assert (similar.kind, changing.kind) == ("similar", "changing")
    assert (changing.source, changing.target) == ("a bear walking", "A rabbit walking")
    assert changing.clip == tmp_path / "JPEGImages" / resolution / "bear"
    assert changing.mask == tmp_path / "Annotations" / resolution / "bear"
    assert changing.subject == ("bear",)


def test_five(tmp_path):
    for folder in ("images", "bmasks"):
        (tmp_path / folder / "0001_bus").mkdir(parents=True)
    entry = {"video_name": "0001_bus", "editing_type_id": 3, "save_dir": "edit3/", "mask": []}
    entry |= {"source_prompt": "A [green bus] drives", "target_prompt": "A [red bus] drives"}
    (row,) = read_rows(written(tmp_path / "edit_prompt" / "edit3_FiVE.json", [entry]))
    assert (row.source, row.target) == ("A green bus drives", "A red bus drives")
    assert row.subject == ("green", "bus")
    assert row.kind == "colour"
    assert row.clip == tmp_path / "images" / "0001_bus"
    assert row.mask == tmp_path / "bmasks" / "0001_bus"


@pytest.mark.parametrize("name", ["list.csv", "list.json"])
def test_plain_lists(tmp_path, name):
    rows = [
        {
            "clip": "a.mp4",
            "source": "a red car",
            "target": "a blue car",
            "subject": "red car",
            "mask": "m.png",
        },
        {"clip": "a.mp4", "source": "a red car", "target": "a red bus", "subject": "", "mask": ""},
    ]
    first, second = read_rows(written(tmp_path / name, rows))
    assert first.clip == tmp_path / "a.mp4"
    assert (first.mask, second.mask) == (tmp_path / "m.png", None)
    assert (first.subject, second.subject) == (("red", "car"), ("car",))
    assert first.name != second.name


ROW = {"name": "one", "clip": "a.mp4", "source": "a", "target": "b"}


@pytest.mark.parametrize(
    ("name", "rows", "said"),
    [
        ("a.json", {"what": "this"}, "no known format.*TGVE"),
        ("a.json", [], "lists nothing"),
        ("a.json", [ROW, ROW], "2 rows named 'one'"),
        ("a.json", [ROW | {"sauce": "x"}], "row 1: unknown 'sauce'"),
        ("a.csv", [{"clip": "a.mp4", "source": "a"}], "row 1 has no 'target'"),
    ],
)
def test_lists_that_are_wrong_say_how(tmp_path, name, rows, said):
    with pytest.raises(ValueError, match=said):
        read_rows(written(tmp_path / name, rows))


def test_broken_json_and_missing_lists_are_refused(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ValueError, match="no JSON"):
        read_rows(tmp_path / "a.json")
    with pytest.raises(FileNotFoundError, match=r"b\.csv"):
        read_rows(tmp_path / "b.csv")


def test_replaced_words_are_those_that_the_target_lacks():
    assert replaced_words("A silver jeep on the road", "a red jeep on the Road") == ("silver",)
    assert replaced_words("a cat", "a cat, oil painting") == ()
