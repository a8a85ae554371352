"""Where results go: nothing outside is touched, no input is replaced, and who comes second is told."""

import os
import threading
from pathlib import Path

import pytest
import torch

from rescene.video import Video
from rescene.video import files as module
from rescene.video.files import check_target, refuse_inputs, replacing, temporary_name


@pytest.fixture
def video():
    return Video.of(torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)), 8)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "frames/"])
def test_of_two_runs_with_one_target_one_is_told(video, tmp_path, name):
    gate, ended = threading.Barrier(2), []

    def write():
        gate.wait()
        try:
            video.write(f"{tmp_path}/{name}")
            ended.append("written")
        except FileExistsError as error:
            ended.append("refused")
            assert "choose another name" in str(error)

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["refused", "written"]
    assert [file.name for file in tmp_path.iterdir()] == [name.rstrip("/")]


def test_what_came_in_between_stays(tmp_path):
    with (
        pytest.raises(FileExistsError, match="in the meantime"),
        replacing(tmp_path / "a", folder=False, room=0, new=True) as place,
    ):
        place.write_text("ours")
        (tmp_path / "a").write_text("theirs")
    assert (tmp_path / "a").read_text() == "theirs"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_an_input_by_another_name_is_an_input(tmp_path, link):
    (tmp_path / "in.mp4").write_bytes(b"film")
    link(tmp_path / "in.mp4", tmp_path / "out.mp4")
    for target in (tmp_path / "in.mp4", tmp_path / "out.mp4", tmp_path / "." / "x" / ".." / "in.mp4"):
        with pytest.raises(FileExistsError, match=r"would replace .*in\.mp4"):
            refuse_inputs([target], [tmp_path / "in.mp4"])


def test_a_folder_that_holds_an_input_is_not_replaced(tmp_path):
    with pytest.raises(FileExistsError, match="would replace"):
        refuse_inputs([tmp_path], [tmp_path / "00000.png"])
    refuse_inputs([tmp_path / "00001.png"], [tmp_path / "00000.png"])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "no name"),
        ("  ", "no name"),
        ("a\0b.mp4", "no name for a result"),
        ("x" * 300 + ".mp4", "too long"),
        ("é" * 130 + ".mp4", "too long"),
        ("/proc/x.mp4", "can't be written to"),
        ("/dev/null", "not a folder"),
    ],
)
def test_names_that_no_file_can_have_are_refused(video, name, says):
    with pytest.raises((ValueError, OSError), match=says):
        video.write(name, overwrite=True)


def test_a_long_name_that_fits_is_taken(video, tmp_path):
    path = tmp_path / ("é" * 125 + ".mp4")
    video.write(path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_link_to_nowhere_is_something_there(video, tmp_path):
    (tmp_path / "a.mp4").symlink_to(tmp_path / "gone.mp4")
    with pytest.raises(FileExistsError, match="exists already"):
        video.write(tmp_path / "a.mp4")


def test_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "a.mp4")
    with pytest.raises(FileExistsError, match="device or a pipe"):
        check_target(tmp_path / "a.mp4", folder=False, overwrite=True)


def aged(path: Path) -> Path:
    """Half a file, of long ago."""
    path.write_bytes(b"half")
    os.utime(path, (1e9, 1e9))
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_what_a_killed_run_left_goes_with_the_next(video, tmp_path, name):
    for left in (f".{name.replace('.', '-0123abcd.')}", ".a-89abcdef.mkv", ".a-00000000.plain.gif"):
        aged(tmp_path / left)
    mine = [aged(tmp_path / other) for other in (".a-notes.mp4", ".b-0123abcd.mp4", "a-0123abcd.mp4")]
    video.write(tmp_path / name)
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / name, *mine])


def test_a_file_that_a_run_still_writes_stays(tmp_path):
    with replacing(tmp_path / "a.mp4", folder=False, room=0) as theirs:
        aged(theirs)
        with replacing(tmp_path / "a.mp4", folder=False, room=0) as ours:
            ours.write_bytes(b"ours")
        assert theirs.exists()
    assert (tmp_path / "a.mp4").read_bytes() == b"half"


def test_temporary_names_fit_where_the_name_does(tmp_path):
    for length in (1, 100, 251):
        name = temporary_name(tmp_path / ("x" * length + ".mp4")).name
        assert name.startswith(".x") and name.endswith(".mp4") and len(name) < 240


def test_a_file_system_without_links_is_written_to(video, tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(module.os, "link", refuse)
    video.write(tmp_path / "a.mkv")
    assert [file.name for file in tmp_path.iterdir()] == ["a.mkv"]
