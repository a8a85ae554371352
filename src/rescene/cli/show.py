"""`rescene show`: the settings that a result carries."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro
from tyro.conf import Positional

from ..settings import parse, read_settings


@dataclass(frozen=True, kw_only=True)
class ShowCommand:
    """Print the settings that made a result, as JSON."""

    file: Positional[Path]
    """A result (video, gif or folder of PNGs), or its .json file."""


def main(arguments: Sequence[str]) -> None:
    """Runs the command."""
    text = read_settings(tyro.cli(ShowCommand, prog="rescene show", args=arguments).file)
    parse(text)
    print(text)
