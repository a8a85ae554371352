"""`rescene edit`: a video in, an edited one out."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from ..methods import Method
from ..methods.plan import plan
from ..settings import Settings, SourceSettings, Trim, file_hash, seen_from, with_seed
from ..video.label import Labelled
from .forms import parse
from .options import ModelOptions, fit_for, read_source
from .progress import reporting
from .render import Outputs, render


@dataclass(frozen=True, kw_only=True)
class ResultOptions:
    """The result."""

    size: str | None = None
    """Size to work at: WIDTHxHEIGHT, or `source` for the video's own; by default the model's. The result
    always has the source's size."""
    label: str | None = None
    """A text for the lower right corner of every frame."""
    overwrite: bool = False
    """Replace results that exist."""
    check: bool = False
    """First reconstruct the source without an edit, and warn if that is poor: the edit can't be better."""
    keep: tuple[Literal["maps", "flow"], ...] = ()
    """By-products to keep in the folder OUT-maps: `maps` draws where words attend, the masks, and source,
    reconstruction and edit side by side; `flow` draws from where frames copied (TokenFlow)."""
    also: tuple[str, ...] = ()
    """More target prompts to edit towards from the same inversion; their results are OUT-2, OUT-3, ..."""

    def outputs(self, path: str) -> Outputs:
        """What to leave behind at `path`."""
        return Outputs(
            path=path,
            overwrite=self.overwrite,
            check=self.check,
            maps="maps" in self.keep,
            flow="flow" in self.keep,
        )


@dataclass(frozen=True, kw_only=True)
class Edit:
    """Edit a video, by one of the methods that `rescene methods` explains."""

    input: Positional[Path]
    """The video: mp4, mov, webm, mkv, avi, gif, or a folder of frames."""
    output: Positional[str]
    """The result: .mp4, .mov, .webm, .mkv (lossless), .gif, or a folder of PNGs (a slash at the end)."""
    trim: Trim = field(default_factory=Trim)
    model: ModelOptions = field(default_factory=ModelOptions)
    result: ResultOptions = field(default_factory=ResultOptions)
    config: Path | None = None
    """A YAML file with any of these options and of the method's, by their names (self_replace: 0.5)."""
    json_progress: bool = False
    """Report progress as one JSON object a line on stderr."""
    method: Method


def main(arguments: Sequence[str]) -> None:
    """Runs the command."""
    edit(parse(Edit, arguments, command="edit"))


def edit(job: Edit) -> None:
    """Looks for every mistake that shows without computing, then computes.

    Raises:
        ValueError, OSError: For what is wrong.
    """
    edits = [with_seed(each) for each in _targets(job.method, job.result.also)]
    outputs = [job.result.outputs(path) for path in numbered(job.output, len(edits))]
    for each in outputs:
        each.verify()
    video = read_source(job.input, job.trim)
    if job.result.label is not None:
        Labelled(video.clip, job.result.label)
    shape = job.model.outline()
    fit = fit_for(video, shape, job.result.size)
    for each in edits:
        plan(each, shape, frames=len(video), size=fit.size)

    model = job.model.load()
    used, sha256 = job.model.settings(model), file_hash(job.input)
    with reporting(as_json=job.json_progress) as reporter:
        for each, output in zip(edits, outputs, strict=True):
            path = seen_from(Path(output.path), job.input)
            source = SourceSettings(path=path, sha256=sha256, trim=job.trim)
            settings = Settings(edit=each, model=used, source=source, fit=fit, label=job.result.label)
            render(settings, model, video, output, reporter)


def numbered(output: str, count: int) -> list[str]:
    """OUT, OUT-2, OUT-3, ..."""
    path, slash = Path(output), "/" if output.endswith("/") else ""
    rest = [
        str(path.with_name(f"{path.stem}-{number}{path.suffix}")) + slash for number in range(2, count + 1)
    ]
    return [output, *rest]


def _targets(edit: Method, also: Sequence[str]) -> list[Method]:
    if also and "target" not in {field.name for field in fields(edit)}:  # pyright: ignore
        raise ValueError(f"--also gives more target prompts, and {type(edit).__name__} takes none")
    return [edit, *(replace(edit, target=target) for target in also)]  # pyright: ignore
