"""`rescene redo`: a result once more, from the settings that it carries."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tyro.conf import Positional

from ..backbones import StableDiffusion
from ..settings import (
    GeneratedSettings,
    ModelSettings,
    Settings,
    find_source,
    read_made,
    read_settings,
    seen_from,
    versions,
)
from .forms import parse
from .options import ModelOptions, read_source
from .progress import reporting
from .render import Outputs, generate, render


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
    settings = read_made(read_settings(job.file))
    outputs = Outputs(path=job.output or _beside(job.file), overwrite=job.overwrite)
    outputs.verify()
    if isinstance(settings, GeneratedSettings):
        model, now = _model(job, settings)
        again = replace(settings, model=now, versions=versions())
        with reporting(as_json=job.json_progress) as reporter:
            generate(again, model, outputs, reporter)
        return
    found = find_source(settings, job.file, job.source_file)
    video = read_source(found, settings.source.trim)
    model, now = _model(job, settings)
    source = replace(settings.source, path=seen_from(Path(outputs.path), found))
    again = replace(settings, model=now, source=source, versions=versions())
    with reporting(as_json=job.json_progress) as reporter:
        render(again, model, video, outputs, reporter)


def _model(job: Redo, settings: Settings | GeneratedSettings) -> tuple[StableDiffusion, ModelSettings]:
    """The model that made the result, and what to note about it now.

    Raises:
        ValueError: If it isn't the same.
    """
    used = settings.model
    options = ModelOptions(
        model=job.model or used.name,
        device=used.device,
        dtype=used.dtype,
        lora=tuple(f"{path}:{weight}" for path, weight in used.loras.items()),
        revision=used.revision,
        offload=used.offload,
    )
    _warn_of_versions(settings)
    model = options.load()
    now = options.settings(model)
    if now.fingerprint != used.fingerprint:
        raise ValueError(
            f"the model {options.model} has other weights (SHA-256 {now.fingerprint[:12]}...) than those "
            f"that made {job.file.name} ({used.fingerprint[:12]}...); name the right one with --model"
        )
    return model, now


def _beside(file: Path) -> str:
    """NAME-redo with the suffix of `file`; of a sidecar, that of the video beside it."""
    if file.suffix.lower() != ".json":
        return str(file.with_name(f"{file.stem}-redo{file.suffix}"))
    results = [other for other in file.parent.glob(f"{file.stem}.*") if other != file]
    suffix = results[0].suffix if len(results) == 1 else ".mp4"
    return str(file.with_name(f"{file.stem}-redo{suffix}"))


def _warn_of_versions(settings: Settings | GeneratedSettings) -> None:
    now = versions()
    changed = [
        f"{name} {old} then, {now.get(name)} now"
        for name, old in settings.versions.items()
        if now.get(name) != old
    ]
    if changed:
        print(f"rescene: warning: frames may differ a little: {'; '.join(changed)}", file=sys.stderr)
