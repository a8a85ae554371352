"""Every metric says what it is, in its class and in the documentation."""

import re
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
