"""`rescene redo`: a result once more, from the settings that it carries."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tyro.conf import Positional

from ..backbones import StableDiffusion
from ..settings import (
    GeneratedSettings,
    Made,
    ModelSettings,
    PropagatedSettings,
    Settings,
    find_key_frames,
    find_motion_loras,
    find_source,
    read_made,
    read_settings,
    seen_from,
    versions,
    with_motion_found,
)
from .carry import Carrying, read_pictures
from .forms import parse
from .options import ModelOptions, read_source
from .progress import reporting
from .render import Outputs, generate, render
from .video_model import VideoModelOptions


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
    settings = with_motion_found(read_made(read_settings(job.file)), job.file)
    outputs = Outputs(path=job.output or _beside(job.file), overwrite=job.overwrite)
    outputs.verify()
    if isinstance(settings, PropagatedSettings):
        _propagate(job, settings, outputs)
        return
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


def _propagate(job: Redo, settings: PropagatedSettings, outputs: Outputs) -> None:
    """Carries the same edited frames through the same video."""
    found = find_source(settings, job.file, job.source_file)
    pictures, loras = find_key_frames(settings, job.file), find_motion_loras(settings, job.file)
    video, result, used = read_source(found, settings.source.trim), Path(outputs.path), settings.model
    carrying = Carrying(
        edit=replace(settings.edit, motion_lora=loras),
        video=video,
        fit=settings.fit,
        edits=[read_pictures(pictures, video, settings.fit, cover=True)],
        outputs=[outputs.path],
        overwrite=outputs.overwrite,
    )
    options = VideoModelOptions(
        model=job.model or used.name,
        device=used.device,
        dtype=used.dtype,
        revision=used.revision,
        offload=used.offload,
    )
    _warn_of_versions(settings)
    model = options.load()
    again = replace(
        settings,
        edit=replace(settings.edit, motion_lora=tuple(Path(seen_from(result, path)) for path in loras)),
        model=_same(job, settings, options.settings(model)),
        source=replace(settings.source, path=seen_from(result, found)),
        key_frames=tuple(
            replace(frame, path=seen_from(result, pictures[frame.at])) for frame in settings.key_frames
        ),
        versions=versions(),
    )
    with reporting(as_json=job.json_progress) as reporter:
        carrying.run([again], model, reporter)


def _model(job: Redo, settings: Settings | GeneratedSettings) -> tuple[StableDiffusion, ModelSettings]:
    """The model that made the result, and what to note about it now; raises as `_same`."""
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
    return model, _same(job, settings, options.settings(model))


def _same(job: Redo, settings: Made, now: ModelSettings) -> ModelSettings:
    """What to note about a model, after making sure that it is the one that made the result.

    Raises:
        ValueError: If it isn't.
    """
    used = settings.model
    if now.fingerprint != used.fingerprint:
        raise ValueError(
            f"the model {now.name} has other weights (SHA-256 {now.fingerprint[:12]}...) than those "
            f"that made {job.file.name} ({used.fingerprint[:12]}...); name the right one with --model"
        )
    return now


def _beside(file: Path) -> str:
    """NAME-redo with the suffix of `file`; of a sidecar, that of the video beside it."""
    if file.suffix.lower() != ".json":
        return str(file.with_name(f"{file.stem}-redo{file.suffix}"))
    results = [other for other in file.parent.glob(f"{file.stem}.*") if other != file]
    suffix = results[0].suffix if len(results) == 1 else ".mp4"
    return str(file.with_name(f"{file.stem}-redo{suffix}"))


def _warn_of_versions(settings: Made) -> None:
    now = versions()
    changed = [
        f"{name} {old} then, {now.get(name)} now"
        for name, old in settings.versions.items()
        if now.get(name) != old
    ]
    if changed:
        print(f"rescene: warning: frames may differ a little: {'; '.join(changed)}", file=sys.stderr)
