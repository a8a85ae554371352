"""Every metric says what it is, in its class and in the documentation; names cost no import."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from rescene.metrics import METRICS

DOCS = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()


@pytest.mark.parametrize("name", METRICS)
def test_the_docstring_has_formula_range_and_source(name):
    text = METRICS[name].__doc__ or ""
    assert re.findall(r"^ *(\w+):", text, re.M) == ["Formula", "Range", "Source"]
    assert METRICS[name].about.better in text


@pytest.mark.parametrize("name", METRICS)
def test_the_documentation_lists_it(name):
    about = METRICS[name].about
    arrow = {"higher": "↑", "lower": "↓", "neither": ""}[about.better]
    assert f"| `{name}` | {about.title} {arrow} |" in DOCS


@pytest.mark.parametrize("name", METRICS)
def test_it_goes_by_the_name_that_it_gives(name):
    assert METRICS[name].about.name == name


def test_names_load_nothing_heavy():
    program = "import sys; from rescene.metrics import METRICS; print(*METRICS, *sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", program], text=True).split()
    assert "psnr" in loaded
    assert {"torch", "numpy", "cv2", "transformers"}.isdisjoint(loaded)
