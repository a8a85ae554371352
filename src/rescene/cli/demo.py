"""`rescene demo`: a first edit, without anything to prepare."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..demo import CLIP, EXAMPLES
from .edit import Edit, ResultOptions, edit
from .forms import parse
from .maps import maps_folder
from .options import ModelOptions


@dataclass(frozen=True, kw_only=True)
class Demo:
    """Edit a clip that comes with rescene, with the model that comes with it."""

    example: Literal["colour", "object", "style"] = "colour"
    """What to change."""
    folder: Path = Path("rescene-demo")
    """Where the result goes; an earlier one is replaced."""


def main(arguments: Sequence[str]) -> None:
    """Runs the command."""
    demo = parse(Demo, arguments, command="demo")
    output = demo.folder / f"{demo.example}.mp4"
    method = EXAMPLES[demo.example]
    print(f"{CLIP.name}: {method.source!r} becomes {method.target!r}", flush=True)
    edit(
        Edit(
            input=CLIP,
            output=str(output),
            model=ModelOptions(model="mini"),
            result=ResultOptions(overwrite=True, keep=("maps",)),
            method=method,
        )
    )
    print(f"result        {output}")
    print(f"side by side  {maps_folder(str(output)) / 'comparison.mp4'}")
