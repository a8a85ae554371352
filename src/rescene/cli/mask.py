"""`rescene mask`: a mask alone, and a clip that shows it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import Positional

from ..runs import Trim
from .forms import parse
from .options import MaskOptions
from .progress import reporting


@dataclass(frozen=True, kw_only=True)
class MaskCommand:
    """Make a mask, to look at, to paint over in any editor, and to give to `rescene edit --mask`.

    Beside OUT comes OUT-overlay.mp4: the clip, dark outside the mask.
    """

    input: Positional[Path]
    """The video, or a folder of frames."""
    output: Positional[str]
    """The mask: .mkv (lossless), .mp4, .mov, .webm, or a folder of PNGs (a slash at the end)."""
    trim: Trim = field(default_factory=Trim)
    masking: MaskOptions = field(default_factory=MaskOptions)
    overwrite: bool = False
    """Replace results that exist."""
    config: Path | None = None
    """A YAML file with any of these options, by their names (mask_grow: 4)."""
    json_progress: bool = False
    """Report progress as one JSON object a line on stderr."""


def main(arguments: Sequence[str]) -> None:
    """Runs the command.

    Raises:
        ValueError, OSError: For what is wrong.
    """
    job = parse(MaskCommand, arguments, command="mask")
    ref = job.masking.ref
    if ref is None:
        raise ValueError(
            "there is nothing to make a mask of; give a --mask-box, or another --mask-... option"
        )
    if ref.difference:
        raise ValueError("--mask auto masks what an edited frame changed; it is for `rescene propagate`")
    from .. import pictures
    from ..runs.inputs import cut_of, read_source
    from ..runs.masks import mask_of, tracker_of, with_tracker
    from ..runs.result import refuse_input
    from ..video.watch import watching
    from ..video.write import destination

    path = Path(job.output)
    overlay = str(path.with_name(f"{path.stem}-overlay.mp4"))
    for output in (job.output, overlay):
        destination(output, overwrite=job.overwrite)
        refuse_input(output, [job.input, *(Path(file.path) for file in ref.every_file)])
    video = read_source(job.input, job.trim)
    ref = with_tracker(ref)
    # The mask is found when it is read, and reports then.
    mask = mask_of(ref, cut_of(job.trim), video, lambda *items, **told: reporter.progress(*items, **told))
    with reporting(as_json=job.json_progress) as reporter:
        for name, drawn, output in (
            ("Writing", mask.video, job.output),
            ("Drawing", pictures.masked(video, mask.video), overlay),
        ):
            with watching(drawn, reporter.progress, name) as watched:
                watched.write(output, overwrite=job.overwrite, source_type=None)
    print(f"{job.output}  ({len(video)} frames of {video.width}x{video.height})")
    if ref.marks.all:
        print(f"carried by {tracker_of(ref).title}")
    print(f"{overlay}  (the clip, dark outside the mask)")
