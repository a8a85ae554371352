import json
from pathlib import Path

import pytest

from rescene import Video
from rescene.cli.progress import reporting, watching
from rescene.methods.method import quiet


def events(text):
    return [json.loads(line) for line in text.splitlines()]


def test_machines_get_one_object_a_line(edit):
    seen = events(edit("--json-progress", "--check").err)
    steps = [event for event in seen if "stage" in event]
    assert {event["stage"] for event in steps} == {
        "Inverting",
        "Reconstructing",
        "Checking",
        "Editing",
        "Writing",
    }
    last = [event for event in steps if event["stage"] == "Editing"][-1]
    assert (last["step"], last["total"], last["seconds_left"]) == (2, 2, 0)
    assert any("psnr" in event for event in seen)


@pytest.mark.parametrize("as_json", [True, False])
def test_items_pass_through(as_json, capfd):
    with reporting(as_json=as_json) as reporter:
        assert list(reporter.progress(iter("abc"), description="Spelling", total=3)) == ["a", "b", "c"]
        reporter.say("hello [bold]world[/bold]")
    assert "Spelling" in (text := capfd.readouterr().err)
    assert "hello [bold]world[/bold]" in text


def test_watching_counts_the_frames_that_are_read(clip):
    counted = []

    def count(iterable, /, *, description, total):
        for item in iterable:
            counted.append((item, total, description))
            yield item

    with watching(clip, count, "Reading") as video:
        assert not counted
        list(video.chunks(3))
        assert len(counted) == len(clip)
    assert counted[-1] == (3, 4, "Reading")


def test_watching_changes_nothing(clip):
    with watching(clip, quiet, "Reading") as video:
        assert isinstance(video, Video)
        assert (video.frames == clip.frames).all()
        assert (video.width, video.fps) == (clip.width, clip.fps)


def test_the_library_is_silent(edit, tiny_folder: Path):
    ran = edit("--json-progress")
    assert ran.status == 0
    assert all(line.startswith("{") for line in ran.err.splitlines())
