"""`rescene generate`: a prompt in, a video out."""

import argparse
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
    """Make a video from a prompt, by one of the methods that `rescene methods` explains.

    Right after OUT, the method may be left out: the model's usual one is taken.
    """

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
    generate(parse(Generate, with_method(arguments), command="generate"))


def with_method(arguments: Sequence[str]) -> Sequence[str]:
    """The command line with the first method that fits the model, where none is named after OUT.

    Raises:
        ValueError, OSError: If there is no such model.
    """
    known, given = METHODS["generate"], [*arguments]
    elsewhere = {"--config", "-h", "--help"}  # The file may name one; the help lists them.
    if not given or given[0].startswith("-") or not known.keys().isdisjoint(given) or elsewhere & {*given}:
        return arguments
    from ..backbones import outline
    from ..methods.needs import fits

    options = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    options.add_argument("--model", default=ModelOptions.model)
    options.add_argument("--revision")
    chosen = options.parse_known_args(given)[0]
    model = outline(chosen.model, revision=chosen.revision)
    fitting = [name for name, kind in known.items() if fits(kind.needs, model)]
    return [given[0], next(iter(fitting or known)), *given[1:]]


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
