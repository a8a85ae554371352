import json
from pathlib import Path

import pytest

from rescene.cli.progress import reporting


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


def test_the_library_is_silent(edit, tiny_folder: Path):
    ran = edit("--json-progress")
    assert ran.status == 0
    assert all(line.startswith("{") for line in ran.err.splitlines())
