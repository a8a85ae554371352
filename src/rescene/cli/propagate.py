"""`rescene propagate`: a video and its edited first frame in, the edited video out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tyro.conf import Positional, UseAppendAction

from ..backbones.stable_video import StableVideo
from ..cache import Unfinished
from ..inputs import Fit
from ..methods.i2vedit import I2VEdit
from ..settings import (
    KeyFrameSettings,
    PropagatedSettings,
    SourceSettings,
    Trim,
    check_result,
    file_hash,
    seen_from,
)
from ..video.label import Labelled
from .carry import Carrying, read_pictures
from .edit import numbered
from .forms import parse
from .options import fit_for, read_source
from .progress import reporting
from .video_model import VideoModelOptions


@dataclass(frozen=True, kw_only=True)
class Propagate:
    """Carry an edited first frame through the whole video (I2VEdit)."""

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
    model: VideoModelOptions = field(default_factory=VideoModelOptions)
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
        if self.key_frame and len(self.first_frame) > 1:
            raise ValueError("key frames belong to one edit: give one --first-frame with --key-frame")

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


def main(arguments: Sequence[str]) -> None:
    """Runs the command."""
    propagate(parse(Propagate, arguments, command="propagate"))


def propagate(job: Propagate) -> None:
    """Looks for every mistake that shows without computing, then computes.

    Raises:
        ValueError, OSError: For what is wrong.
    """
    pictures = job.pictures
    outputs = numbered(job.output, len(pictures))
    for path in outputs:
        check_result(path, overwrite=job.overwrite)
    video = read_source(job.input, job.trim)
    if job.label is not None:
        Labelled(video.clip, job.label)
    outline = job.model.outline()
    fit = fit_for(video, outline, job.size)
    edits = [read_pictures(each, video, fit, cover=job.fit) for each in pictures]
    job.edit.segments(outline, fit.apply(video), edits)

    model = job.model.load()
    settings = [_settings(job, model, fit, each, path) for each, path in zip(pictures, outputs, strict=True)]
    unfinished = _unfinished(settings, resume=job.resume)
    carrying = Carrying(
        edit=job.edit, video=video, fit=fit, edits=edits, outputs=outputs, overwrite=job.overwrite
    )
    with reporting(as_json=job.json_progress) as reporter:
        try:
            carrying.run(settings, model, reporter, unfinished)
        except (KeyboardInterrupt, SystemExit):
            if len(unfinished):
                reporter.say("finished clips are kept; the same command with --resume goes on after them")
            raise
    unfinished.forget()


def _settings(
    job: Propagate, model: StableVideo, fit: Fit, pictures: dict[int, Path], output: str
) -> PropagatedSettings:
    """What to note in one result."""
    result = Path(output)
    return PropagatedSettings(
        edit=replace(
            job.edit, motion_lora=tuple(Path(seen_from(result, lora)) for lora in job.edit.motion_lora)
        ),
        model=job.model.settings(model),
        source=SourceSettings(path=seen_from(result, job.input), sha256=file_hash(job.input), trim=job.trim),
        fit=fit,
        key_frames=tuple(
            KeyFrameSettings(at=at, path=seen_from(result, path), sha256=file_hash(path))
            for at, path in pictures.items()
        ),
        motion_loras=tuple(file_hash(path) for path in job.edit.motion_lora),
        label=job.label,
    )


def _unfinished(settings: Sequence[PropagatedSettings], *, resume: bool) -> Unfinished:
    """Where finished clips are kept, by all that decides them: not by what files are called.

    Raises:
        ValueError: If a run is to be resumed and none was stopped.
    """
    runs = [json.loads(replace(each, label=None).to_json()) for each in settings]
    for run in runs:
        run["fields"].pop("motion_lora")
        run["source"].pop("path")
        run["key_frames"] = [[frame["at"], frame["sha256"]] for frame in run["key_frames"]]
    unfinished = Unfinished({"kind": "propagation-1", "runs": runs}, resume=resume)
    if resume and not len(unfinished):
        raise ValueError("there is no stopped run of these settings to resume; leave out --resume")
    return unfinished
