"""`rescene generate`: a prompt in, a video out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

from ..methods import METHODS, Method
from ..runs import Recipe
from .forms import OneOf, parse
from .options import ModelOptions


@dataclass(frozen=True, kw_only=True)
class Generate:
    """Make a video from a prompt, by one of the methods that `rescene methods` explains."""

    output: Positional[str]
    """The result: .mp4, .mov, .webm, .mkv (lossless), .gif, or a folder of PNGs (a slash at the end)."""
    model: ModelOptions = field(default_factory=ModelOptions)
    label: str | None = None
    """A text for the lower right corner of every frame."""
    overwrite: bool = False
    """Replace a result that exists."""
    config: Path | None = None
    """A YAML file with any of these options and of the method's, by their names (num_frames: 16)."""
    json_progress: bool = False
    """Report progress as one JSON object a line on stderr."""
    method: Annotated[Method, OneOf(METHODS["generate"])]


def main(arguments: Sequence[str]) -> None:
    """Runs the command."""
    generate(parse(Generate, arguments, command="generate"))


def generate(job: Generate) -> None:
    """Looks for every mistake that shows without computing, then computes.

    Raises:
        ValueError, OSError: For what is wrong.
    """
    from ..runs.run import prepare
    from .host import CommandHost

    host = CommandHost(overwrite=job.overwrite)
    recipe = Recipe(method=job.method, model=job.model.ref, label=job.label)
    work = prepare(recipe, host, output=job.output)
    host.load(recipe.model)
    with host.reporting(as_json=job.json_progress):
        host.run(work, job.output)
