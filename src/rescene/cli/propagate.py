"""`rescene propagate`: a video and its edited first frame in, the edited video out."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tyro.conf import Positional, UseAppendAction

from ..methods import IFV2V, I2VEdit
from ..runs import InputRefs, KeyFrameRef, Recipe, Trim, VideoRef
from .edit import numbered
from .forms import parse
from .options import MaskOptions, VideoModelOptions


@dataclass(frozen=True, kw_only=True)
class Propagate:
    """Carry an edited first frame through the whole video, by I2VEdit or, with Wan, by IF-V2V."""

    input: Positional[Path]
    """The video: mp4, mov, webm, mkv, avi, gif, or a folder of frames."""
    output: Positional[str]
    """The result: .mp4, .mov, .webm, .mkv (lossless), .gif, or a folder of PNGs (a slash at the end)."""
    first_frame: tuple[Path, ...]
    """The video's first frame, edited with any tool. Several make several results, which share the inversion:
    OUT, OUT-2, ..."""
    key_frame: UseAppendAction[tuple[str, ...]] = ()
    """An edited frame further on, as in 40=door-open.png; may be given several times. It leads from there to
    the next."""
    fit: bool = False
    """Scale and crop edited frames that have another size than the video."""
    trim: Trim = field(default_factory=Trim)
    masking: MaskOptions = field(default_factory=MaskOptions)
    model: VideoModelOptions = field(default_factory=VideoModelOptions)
    method: Literal["i2vedit", "if-v2v"] | None = None
    """By Stable Video Diffusion (i2vedit), or by a video transformer such as Wan (if-v2v); the one that fits
    the model if not given. With `--method if-v2v --help`, the options of that one are shown."""
    edit: I2VEdit = field(default_factory=I2VEdit)
    size: str | None = None
    """Size to work at: WIDTHxHEIGHT, or `source` for the video's own; by default the model's. The result
    always has the source's size."""
    label: str | None = None
    """A text for the lower right corner of every frame."""
    overwrite: bool = False
    """Replace results that exist."""
    resume: bool = False
    """Go on with a run of the same settings that was stopped, after the last clip that it finished."""
    config: Path | None = None
    """A YAML file with any of these options, by their names (guidance_scale: 2.5)."""
    json_progress: bool = False
    """Report progress as one JSON object a line on stderr."""

    def __post_init__(self) -> None:
        if not self.first_frame:
            raise ValueError(
                "--first-frame names no file; give the edited frame, as in --first-frame first.png"
            )
        if self.key_frame and len(self.first_frame) > 1:
            raise ValueError("key frames belong to one edit: give one --first-frame with --key-frame")
        if self.method not in (None, self.edit.name):
            raise ValueError(f"--method {self.method} must be given on the command line, not in a file")

    @property
    def pictures(self) -> list[dict[int, Path]]:
        """The files of each edit's key frames, by the frame that each replaces.

        Raises:
            ValueError: If one isn't given as NUMBER=FILE.
        """
        later: dict[int, Path] = {}
        for text in self.key_frame:
            number, _, path = text.partition("=")
            if not number.isdecimal() or not path or int(number) in {0, *later}:
                raise ValueError(
                    f"--key-frame {text!r}: write NUMBER=FILE, each number once and not 0, as in 40=door.png"
                )
            later[int(number)] = Path(path)
        return [{0: first, **later} for first in self.first_frame]


@dataclass(frozen=True, kw_only=True)
class PropagateByFlow(Propagate):
    """Carry an edited first frame through the whole video by a video transformer (IF-V2V)."""

    edit: IFV2V = field(default_factory=IFV2V)  # pyright: ignore[reportIncompatibleVariableOverride]


def main(arguments: Sequence[str]) -> None:
    """Runs the command."""
    kind = PropagateByFlow if by_flow(arguments) else Propagate
    propagate(parse(kind, arguments, command="propagate"))


def by_flow(arguments: Sequence[str]) -> bool:
    """Whether the command line, or else the model that it names, asks for IF-V2V.

    Raises:
        ValueError, OSError: If there is no such model.
    """
    options = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("--method", "--model", "--revision"):
        options.add_argument(name)
    given = options.parse_known_args([*arguments])[0]
    if given.method or not given.model or {"-h", "--help"} & {*arguments}:
        return given.method == IFV2V.name
    from ..backbones import outline
    from ..methods.needs import fits

    return fits(IFV2V.needs, outline(given.model, revision=given.revision))


def propagate(job: Propagate) -> None:
    """Looks for every mistake that shows without computing, then computes.

    Raises:
        ValueError, OSError: For what is wrong.
    """
    from ..runs.run import prepare
    from .resuming import ResumingHost

    host = ResumingHost(overwrite=job.overwrite, resume=job.resume)
    recipes = [_recipe(job, each) for each in job.pictures]
    outputs = numbered(job.output, len(recipes))
    works = [
        # What was finished before it was stopped is there.
        prepare(recipe, host, output=None if job.resume and len(outputs) > 1 else output)
        for recipe, output in zip(recipes, outputs, strict=True)
    ]
    host.load(job.model.ref)
    with host.reporting(as_json=job.json_progress):
        for work, output in zip(works, outputs, strict=True):
            host.run(work, output)


def _recipe(job: Propagate, pictures: dict[int, Path]) -> Recipe:
    """One edit."""
    return Recipe(
        method=job.edit,
        model=job.model.ref,
        inputs=InputRefs(
            video=VideoRef(path=str(job.input), trim=job.trim),
            mask=job.masking.ref,
            key_frames=tuple(KeyFrameRef(at=at, path=str(path)) for at, path in pictures.items()),
            cover=job.fit,
        ),
        fit=job.size,
        label=job.label,
    )
