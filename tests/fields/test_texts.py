"""Text files of people and other programs."""

import csv
import io

import pytest

from rescene.fields import (
    cell,
    decode_as,
    plain_name,
    read_json,
    read_list,
    read_text,
    read_yaml,
    shown,
    unknown,
)


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"\xff\xfe", "isn't text in UTF-8"), (b"a,b\n" + b"x" * 140_000 + b",y\n", "is no CSV")],
)
def test_lists_that_are_none(tmp_path, content, says):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ValueError, match=says):
        read_list(tmp_path / "a.csv")


def test_rows_longer_than_the_head_are_named(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n1,2,3\n")
    with pytest.raises(ValueError, match="row 2 has more cells"):
        read_list(tmp_path / "a.csv")


def test_files_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("rescene.fields.texts.MOST_BYTES", 3)
    (tmp_path / "a.csv").write_text("abcd")
    with pytest.raises(ValueError, match="larger than"):
        read_text(tmp_path / "a.csv")
    with pytest.raises(FileNotFoundError):
        read_text(tmp_path)


@pytest.mark.parametrize(
    "text", ["{", "[" * 100_000, "9" * 5000, '{"a": ' + "9" * 5000 + "}", "", "x y"], ids=list("abcdef")
)
def test_json_that_is_none(text):
    with pytest.raises(ValueError, match="a is no JSON"):
        read_json(text, name="a")


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{later}: &{later} [{','.join(10 * [f'*{name}'])}]\n"
    for name, later in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "a: " + "9" * 5000,
        "[" * 3000,
        BOMB,
        "a: &a [*a]",
        "a: 2020-13-45",
        "!!python/object:os.system x",
    ],
)
def test_yaml_that_is_none(text):
    with pytest.raises(ValueError, match="b is no YAML"):
        read_yaml(text, name="b")


def test_yaml_may_repeat_a_little():
    assert read_yaml("a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}", name="b") == {
        "a": {"x": 1},
        "b": {"x": 1},
        "c": {"x": 1, "y": 2},
    }


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../a", "a/b", "a\\b", "/a", "a\0", "C:a", "a\nb", 5, None, "x" * 300]
)
def test_names_that_are_paths_are_refused(name):
    with pytest.raises(ValueError, match=r"the row|too long"):
        plain_name(name, what="the row")


@pytest.mark.parametrize("name", ["a", "a.b", "...", "Größe 1", "車-1_(2)"])
def test_names_of_files_are_taken(name):
    assert plain_name(name, what="the row") == name


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(text):
    file = io.StringIO(newline="")
    csv.writer(file).writerow([cell(text), cell(-1.5), cell("a=b"), cell(None)])
    (row,) = csv.reader(io.StringIO(file.getvalue(), newline=""))
    assert row == [f"'{text}", "-1.5", "a=b", ""]


@pytest.mark.parametrize(
    "value", ["x" * 10**6, list(range(10**6)), 10**6000, {"a": [[[[[[1]]]]]]}], ids=list("abcd")
)
def test_long_values_are_cut_in_messages(value):
    assert len(shown(value)) < 300
    with pytest.raises(ValueError, match="scale must be") as told:
        decode_as(bool, value, name="scale")
    assert len(str(told.value)) < 400
    assert len(unknown(value, ["a"], name="b")) < 400


def test_numbers_beyond_floats_are_refused():
    with pytest.raises(ValueError, match="scale is too large"):
        decode_as(float, 10**400, name="scale")
