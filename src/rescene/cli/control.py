"""`rescene control`: what a ControlNet would be shown of a video."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

from ..controls import CONTROLS, Control
from ..runs import Trim
from .forms import OneOf, parse
from .progress import reporting


@dataclass(frozen=True, kw_only=True)
class ControlCommand:
    """Draw a video's edges, depth or poses, to look at, to change, and to give back as --control-video."""

    input: Positional[Path]
    """The video, or a folder of frames."""
    output: Positional[str]
    """The result: .mp4, .mov, .webm, .mkv (lossless), .gif, or a folder of PNGs (a slash at the end)."""
    trim: Trim = field(default_factory=Trim)
    height: int | None = None
    """Rows of pixels to work at, and of the result; the video's own if not given. Edges are one pixel wide
    whatever the size, so draw them at the size that the model works at."""
    overwrite: bool = False
    """Replace a result that exists."""
    json_progress: bool = False
    """Report progress as one JSON object a line on stderr."""
    control: Annotated[Control, OneOf(CONTROLS)]


def main(arguments: Sequence[str]) -> None:
    """Runs the command."""
    job = parse(ControlCommand, arguments, command="control")
    from ..runs.inputs import read_source
    from ..video.files import refuse_inputs
    from ..video.watch import watching
    from ..video.write import destination

    destination(job.output, overwrite=job.overwrite)
    refuse_inputs([Path(job.output)], [job.input])
    if job.height is not None and job.height < 1:
        raise ValueError(f"--height is {job.height}; it must be at least 1")
    video = read_source(job.input, job.trim)
    video = video if job.height is None else video.resize(job.height)
    with reporting(as_json=job.json_progress) as reporter:
        drawn = job.control(video)
        with watching(drawn, reporter.progress, "Drawing") as result:
            result.write(job.output, overwrite=job.overwrite, source_type=None)
    print(f"{job.output}  ({len(video)} frames of {video.width}x{video.height})")
