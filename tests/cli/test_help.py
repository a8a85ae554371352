"""Help is instant: it loads nothing that computes; and it says what it is about."""

import subprocess
import sys

import pytest

from rescene.cli.commands import COMMANDS
from rescene.controls import CONTROLS
from rescene.methods import METHODS

HEAVY = "torch diffusers transformers numpy av cv2 gradio PIL"
INSTANT = [
    "--help",
    *(f"{command} --help" for command in COMMANDS),
    "train one-shot --help",
    "train motion-lora --help",
    *(f"edit in.mp4 out.mp4 {method} --help" for method in METHODS["edit"]),
    *(f"control in.mp4 out.mp4 {control} --help" for control in CONTROLS),
    "methods",
    "methods i2vedit",
]


def test_help_loads_nothing_that_computes():
    code = (
        "import sys; from rescene.cli import main\n"
        "for line in sys.argv[2:]:\n"
        "    status = main(line.split())\n"
        "    print(line, status, *set(sys.argv[1].split()) & set(sys.modules), sep=', ', file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, HEAVY, *INSTANT], capture_output=True, text=True, check=True
    )
    assert ran.stderr.splitlines() == [f"{line}, 0" for line in INSTANT]


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        ("edit", "IN OUT {fatezero,"),
        ("generate", "OUT {text2video-zero,"),
        ("propagate", "IN OUT"),
        ("plan", "IN {fatezero,"),
        ("redo", "FILE [OUT]"),
        ("control", "IN OUT {"),
        ("evaluate", "IN [OUT]"),
    ],
)
def test_usage_names_what_is_wanted(run, command, usage):
    assert usage in run(command, "--help").out


def test_train_says_what_it_does(run):
    told = run("train", "--help").out
    assert "Tune a model to a video." in told
    assert "Edit video" not in told


def test_ranges_are_told(run):
    told = " ".join(run("edit", "a", "b", "fatezero", "--help").out.replace("│", " ").split())
    assert "(default: 0.3, between 0 and 1)" in told


@pytest.mark.parametrize("name", METHODS["edit"] | METHODS["propagate"])
def test_plan_knows_every_method_that_takes_a_video(run, name):
    assert name in run("plan", "--help").out


@pytest.mark.parametrize("name", METHODS["generate"])
def test_plan_knows_every_method_that_generates(run, name):
    assert run("plan", name, "--help").status == 0
