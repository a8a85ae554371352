"""`rescene generate`: a prompt in, a video out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import Positional

from ..methods import Generator
from ..settings import GeneratedSettings
from .forms import parse
from .options import ModelOptions
from .progress import reporting
from .render import Outputs
from .render import generate as render


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
    method: Generator


def main(arguments: Sequence[str]) -> None:
    """Runs the command."""
    generate(parse(Generate, arguments, command="generate"))


def generate(job: Generate) -> None:
    """Looks for every mistake that shows without computing, then computes.

    Raises:
        ValueError, OSError: For what is wrong.
    """
    if job.label is not None and not job.label.strip():
        raise ValueError("the label shows nothing; give a text, or leave the label out")
    outputs = Outputs(path=job.output, overwrite=job.overwrite)
    outputs.verify()
    job.method.check(job.model.outline())
    model = job.model.load()
    settings = GeneratedSettings(generator=job.method, model=job.model.settings(model), label=job.label)
    with reporting(as_json=job.json_progress) as reporter:
        render(settings, model, outputs, reporter)
