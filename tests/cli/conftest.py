"""Runs the command line in this process, on a tiny model and a clip of four frames."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from rescene import Video
from rescene.cli import main

PROMPTS = ("--source", "a silver car on red road", "--target", "a red jeep on red road")


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def rescene(*arguments: object) -> Ran:
        capfd.readouterr()
        status = main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return Ran(status, captured.out, captured.err)

    return rescene


@pytest.fixture(scope="session")
def film(clip: Video, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip as a lossless file."""
    path = tmp_path_factory.mktemp("films") / "square.mkv"
    clip.write(path)
    return path


@pytest.fixture
def edit(run: Callable[..., Ran], film: Path, tiny_folder: Path, tmp_path: Path) -> Callable[..., Ran]:
    """Runs `rescene edit` with FateZero for two steps; `more` may say otherwise."""

    def command(*more: object, output: str = "out.mkv", source: Path = film) -> Ran:
        fixed = ("--model", tiny_folder, "--num-inference-steps", 2)
        return run("edit", source, tmp_path / output, "fatezero", *fixed, *PROMPTS, *more)

    return command
