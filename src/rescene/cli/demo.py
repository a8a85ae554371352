"""`rescene demo`: a first edit, without anything to prepare."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from .. import mini
from ..demo import CLIP, EXAMPLES
from .edit import Edit, ResultOptions, edit
from .forms import parse
from .maps import maps_folder
from .options import ModelOptions, hide_library_bars


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
    with ExitStack() as stack:
        model = "mini"
        if not (mini.FOLDER / "model_index.json").is_file():
            model = _stand_in(Path(stack.enter_context(TemporaryDirectory(prefix="rescene-"))))
        print(f"{CLIP.name}: {method.source!r} becomes {method.target!r}", flush=True)
        edit(
            Edit(
                input=CLIP,
                output=str(output),
                model=ModelOptions(model=model),
                result=ResultOptions(overwrite=True, keep=("maps",)),
                method=method,
            )
        )
    print(f"result        {output}")
    print(f"side by side  {maps_folder(str(output)) / 'comparison.mp4'}")


def _stand_in(folder: Path) -> str:
    from ..demo.stand_in import stand_in

    hide_library_bars()
    print("The embedded model isn't here yet: a tiny random model takes its place, so the result is noise.")
    return str(stand_in(folder / "random-model"))
