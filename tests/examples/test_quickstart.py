"""The notebook runs from top to bottom, on fewer frames and steps than it shows."""

import re
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "quickstart.ipynb"

nbformat = pytest.importorskip("nbformat", reason="pip install 'rescene[dev]'")
nbclient = pytest.importorskip("nbclient", reason="pip install 'rescene[dev]'")


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    short, count = re.subn(r"FRAMES, STEPS = 8, 20", "FRAMES, STEPS = 2, 2", nbformat.writes(notebook))
    assert count == 1
    notebook = nbformat.reads(short, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    client = nbclient.NotebookClient(notebook, timeout=250, resources={"metadata": {"path": str(folder)}})
    client.execute()
    return notebook, folder


def test_it_is_stored_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)


def test_every_cell_runs_and_shows_something(executed):
    notebook, folder = executed
    kinds = {
        kind
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        for kind in output.get("data", {})
    }
    assert {"text/html", "image/png"} <= kinds
    assert {file.name for file in folder.iterdir()} >= {"edited.mp4", "side-by-side.mp4", "comparison.html"}
