"""`rescene compare`: a page that shows results beside their source, and a labelled video of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import Positional

from .forms import parse
from .gauge import MetricOptions
from .progress import Reporter, reporting

if TYPE_CHECKING:
    from ..compare import Compared
    from ..video import Video
    from .pairs import Pair


@dataclass(frozen=True, kw_only=True)
class CompareCommand:
    """Make a page that shows results in step with their source, and a labelled video of them side by side.

    The page is one file that needs no network. The video gets its name, with .mp4.
    """

    files: Positional[tuple[Path, ...]]
    """The source, one or more results, and the page to make (.html)."""
    source: str | None = None
    """What the source shows, where the results' settings don't say."""
    target: str | None = None
    """What the results should show, where their settings don't say."""
    mask: Path | None = None
    """A picture or video, white where something should change: inside and outside are measured apart."""
    options: MetricOptions = field(default_factory=MetricOptions)
    overwrite: bool = False
    """Replace files that exist."""


def main(arguments: Sequence[str]) -> None:
    """Runs the command.

    Raises:
        ValueError, OSError: for what is wrong.
    """
    job = parse(CompareCommand, arguments, command="compare")
    from ..compare import page
    from ..video import DigitalSourceType
    from ..video.files import check_target, refuse_inputs, replacing
    from ..video.watch import watching
    from .pairs import Pair

    source, results, output = _places(job.files)
    made = (output, output.with_suffix(".mp4"))
    for path in made:
        check_target(path, folder=False, overwrite=job.overwrite)
    refuse_inputs(made, [source, *results, *([job.mask] if job.mask else [])])
    pairs = [
        Pair(input=source, output=path, source=job.source, target=job.target, mask=job.mask)
        for path in results
    ]
    for pair in pairs:
        pair.check()
    original = _source_of(pairs)
    with reporting(as_json=False) as reporter:
        entries = _measured(pairs, job.options, reporter)
        reporter.say("making the page")
        text = page(original, entries, title=source.name)
        with replacing(output, folder=False, room=len(text)) as place:
            place.write_text(text, encoding="utf-8")
        row = _row(original, entries)
        with watching(row, reporter.progress, "Side by side") as watched:
            watched.write(
                output.with_suffix(".mp4"), overwrite=job.overwrite, source_type=DigitalSourceType.EDITED
            )
    print(f"{output}\n{output.with_suffix('.mp4')}")


def _places(files: Sequence[Path]) -> tuple[Path, list[Path], Path]:
    """The source, the results and the page."""
    if len(files) < 3 or files[-1].suffix.lower() not in {".html", ".htm"}:
        named = " ".join(map(str, files))
        raise ValueError(f"name a source, one or more results, and the page to make (.html), not {named!r}")
    return files[0], list(files[1:-1]), files[-1]


def _source_of(pairs: "Sequence[Pair]") -> "Video":
    """The frames of the source that the results were made from."""
    videos = {str(pair.cut): pair.videos()[0] for pair in pairs if pair.settings} or {
        "": pairs[0].videos()[0]
    }
    if len(videos) > 1:
        raise ValueError("the results were made from different frames of the source; compare them one by one")
    return next(iter(videos.values()))


def _measured(pairs: "Sequence[Pair]", options: MetricOptions, reporter: Reporter) -> "list[Compared]":
    from ..compare import Compared

    gauge = options.gauge()
    results: list[Compared] = []
    for name, pair in zip(_names(pairs), pairs, strict=True):
        report, video = gauge.measure(pair, reporter), pair.videos()[1]
        results.append(Compared(name=name, video=video, settings=pair.settings, report=report))
    return results


def _names(pairs: "Sequence[Pair]") -> list[str]:
    """File names without suffix, or with their folders where they would be the same."""
    stems = [pair.output.stem for pair in pairs]
    return stems if len(set(stems)) == len(stems) else [str(pair.output) for pair in pairs]


def _row(source: "Video", results: "Sequence[Compared]") -> "Video":
    """All in a row, at the height of the first result."""
    from .. import pictures
    from ..compare import in_step

    videos = in_step([source, *(result.video for result in results)])
    height = videos[1].height
    names = ["source", *(result.name for result in results)]
    return pictures.side_by_side(
        {name: video.resize(height=height) for name, video in zip(names, videos, strict=True)}
    )
