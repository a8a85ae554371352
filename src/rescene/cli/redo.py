"""`rescene redo`: a result once more, from the recipe that it carries."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tyro.conf import Positional

from ..runs import Recipe, versions
from .forms import parse


@dataclass(frozen=True, kw_only=True)
class Redo:
    """Make a result again from its settings: the same frames, if source, model and versions are the same."""

    file: Positional[Path]
    """A result (video, gif or folder of PNGs), or its .json file."""
    output: Positional[str | None] = None
    """Where to; NAME-redo beside it if not given."""
    source_file: Path | None = None
    """The source, if it isn't where the settings say or beside the result."""
    model: str | None = None
    """The model, if it isn't where the settings say."""
    overwrite: bool = False
    """Replace a result that exists."""
    json_progress: bool = False
    """Report progress as one JSON object a line on stderr."""


def main(arguments: Sequence[str]) -> None:
    """Runs the command."""
    job = parse(Redo, arguments, command="redo")
    from ..runs.result import read_recipe, refuse_input
    from ..runs.run import prepare
    from .host import CommandHost

    recipe, output = _elsewhere(job, read_recipe(job.file)), job.output or _beside(job.file)
    host = CommandHost(overwrite=job.overwrite)
    refuse_input(output, [job.file])
    work = prepare(recipe, host, base=job.file.absolute().parent, output=output, result=job.file.name)
    _warn_of_versions(recipe)
    host.load(recipe.model)
    with host.reporting(as_json=job.json_progress):
        host.run(work, output)


def _elsewhere(job: Redo, recipe: Recipe) -> Recipe:
    """The recipe with the places that the command line names."""
    video, model = recipe.inputs.video, recipe.model
    if job.source_file is not None and video is not None:
        video = replace(video, path=str(job.source_file.absolute()))
    if job.model is not None:
        model = replace(model, name=job.model)
    return replace(recipe, model=model, inputs=replace(recipe.inputs, video=video))


def _beside(file: Path) -> str:
    """NAME-redo with the suffix of `file`; of a sidecar, that of the video beside it."""
    if file.suffix.lower() != ".json":
        return str(file.with_name(f"{file.stem}-redo{file.suffix}"))
    results = [other for other in file.parent.glob(f"{file.stem}.*") if other != file]
    suffix = results[0].suffix if len(results) == 1 else ".mp4"
    return str(file.with_name(f"{file.stem}-redo{suffix}"))


def _warn_of_versions(recipe: Recipe) -> None:
    now = versions()
    changed = [
        f"{name} {old} then, {now.get(name)} now"
        for name, old in recipe.versions.items()
        if now.get(name) != old
    ]
    if changed:
        print(f"rescene: warning: frames may differ a little: {'; '.join(changed)}", file=sys.stderr)
