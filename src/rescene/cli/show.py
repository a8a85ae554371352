"""`rescene show`: the settings that a result carries."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from ..runs import parse as parse_settings
from .forms import parse


@dataclass(frozen=True, kw_only=True)
class ShowCommand:
    """Print the settings that made a result, as JSON."""

    file: Positional[Path]
    """A result (video, gif or folder of PNGs), or its .json file."""


def main(arguments: Sequence[str]) -> None:
    """Runs the command."""
    file = parse(ShowCommand, arguments, command="show").file
    from ..runs.result import read_settings

    text = read_settings(file)
    parse_settings(text)
    print(text)
