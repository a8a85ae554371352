"""`rescene edit`: a video in, an edited one out."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional

from ..methods import METHODS, Method, Text2VideoZeroRedraw
from ..runs import FileRef, InputRefs, Recipe, Trim, VideoRef, with_seed
from .forms import OneOf, parse
from .options import MaskOptions, ModelOptions


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


@dataclass(frozen=True, kw_only=True)
class Edit:
    """Edit a video, by one of the methods that `rescene methods` explains."""

    input: Positional[Path]
    """The video: mp4, mov, webm, mkv, avi, gif, or a folder of frames."""
    output: Positional[str]
    """The result: .mp4, .mov, .webm, .mkv (lossless), .gif, or a folder of PNGs (a slash at the end)."""
    control_video: Path | None = None
    """A clip that shows the control ready-made, such as moving skeletons, instead of finding it in the source
    (text2video-zero)."""
    trim: Trim = field(default_factory=Trim)
    masking: MaskOptions = field(default_factory=MaskOptions)
    model: ModelOptions = field(default_factory=ModelOptions)
    result: ResultOptions = field(default_factory=ResultOptions)
    config: Path | None = None
    """A YAML file with any of these options and of the method's, by their names (self_replace: 0.5)."""
    json_progress: bool = False
    """Report progress as one JSON object a line on stderr."""
    method: Annotated[Method, OneOf(METHODS["edit"])]

    def __post_init__(self) -> None:
        if self.control_video is not None and not isinstance(self.method, Text2VideoZeroRedraw):
            raise ValueError(f"--control-video shows a control, and {self.method.name} is given none")

    @property
    def inputs(self) -> InputRefs:
        """The files, as a recipe names them."""
        control = self.control_video and FileRef(path=str(self.control_video))
        video = VideoRef(path=str(self.input), trim=self.trim)
        return InputRefs(video=video, mask=self.masking.ref, control=control)


def main(arguments: Sequence[str]) -> None:
    """Runs the command."""
    edit(parse(Edit, arguments, command="edit"))


def edit(job: Edit) -> None:
    """Looks for every mistake that shows without computing, then computes.

    Raises:
        ValueError, OSError: For what is wrong.
    """
    from ..runs.run import check_output, prepare
    from .host import CommandHost

    first, *others = [with_seed(each) for each in _targets(job.method, job.result.also)]
    outputs, options = numbered(job.output, 1 + len(others)), job.result
    host = CommandHost(
        overwrite=options.overwrite,
        check=options.check,
        maps="maps" in options.keep,
        flow="flow" in options.keep,
    )
    for output in outputs:
        host.check_pictures(output, job.input)
    recipe = Recipe(
        method=first,
        model=job.model.ref,
        inputs=job.inputs,
        fit=options.size,
        label=options.label,
    )
    work = prepare(recipe, host, output=outputs[0])
    works = [work, *map(work.instead, others)]
    for other, output in zip(works[1:], outputs[1:], strict=True):
        check_output(other, output, host)
    host.load(recipe.model)
    with host.reporting(as_json=job.json_progress):
        for work, output in zip(works, outputs, strict=True):
            host.run(work, output)


def numbered(output: str, count: int) -> list[str]:
    """OUT, OUT-2, OUT-3, ..."""
    path, slash = Path(output), "/" if output.endswith("/") else ""
    rest = [
        str(path.with_name(f"{path.stem}-{number}{path.suffix}")) + slash for number in range(2, count + 1)
    ]
    return [output, *rest]


def _targets(edit: Method, also: Sequence[str]) -> list[Method]:
    if also and "target" not in {field.name for field in fields(edit)}:
        raise ValueError(f"--also gives more target prompts, and {edit.name} takes none")
    return [edit, *(replace(edit, target=target) for target in also)]  # pyright: ignore
