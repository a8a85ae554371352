"""The page, with a tiny model beside the one that comes along, and tabs to look at it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.browser import browser

__all__ = ["browser"]


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where results go."""
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="session")
def address(tiny_folder: Path, results: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page as `rescene app` opens it."""
    options = ("--port", "0", "--output", str(results), "--model", str(tiny_folder), "--max-frames", "400")
    with running(*options, cache=tmp_path_factory.mktemp("cache")) as url:
        yield url


@contextmanager
def running(*options: str, cache: Path) -> Iterator[str]:
    """A block in which `rescene app` runs; gives its address."""
    with starting(*options, cache=cache) as (address, _):
        yield address


@contextmanager
def starting(*options: str, cache: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A block in which `rescene app` runs, in a process of its own; gives its address and the process."""
    command = [
        sys.executable,
        "-c",
        # A shell that starts the tests in the background makes Python ignore Ctrl-C.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from rescene.cli import main; raise SystemExit(main())",
        "app",
        *options,
    ]
    # As many threads as this process has: sums depend on it in the last digits.
    settings = {**os.environ, "RESCENE_CACHE": str(cache), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=settings) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert "http://" in line, "the app didn't start"
            yield line.split()[-1], process
        finally:
            process.terminate()


def is_complaint(message: Any) -> bool:
    """Whether a line of the console is one: a refused upload also leaves one, and is none."""
    return message.type == "error" and "status of 400" not in message.text


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Opens the page as someone new; at the end, nothing may have been complained about in the console."""
    complaints, contexts = list[str](), list[Any]()

    def visit(width: int = 1280, height: int = 900) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: is_complaint(message) and complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.goto(address)
        tab.locator(".rs-example").first.wait_for()
        return tab

    yield visit
    for context in contexts:
        context.close()
    assert not complaints
