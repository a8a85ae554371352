"""`rescene train one-shot`: an adapter from one clip."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import Positional

from ..methods import TuneAVideo
from ..runs import InputRefs, Recipe, Trim, VideoRef, file_hash
from ..training.settings import OneShot
from .forms import parse
from .options import ModelOptions, TrainingRun

if TYPE_CHECKING:
    from ..backbones import Backbone
    from ..backbones.changes import Adapter
    from ..inputs import Fit
    from ..progress import Progress
    from ..training import TrainingFolder
    from ..video import Video
    from .host import CommandHost

MOST_FRAMES = 24
"""Frames of a clip that are used unless others are asked for: all are in memory at once."""


@dataclass(frozen=True, kw_only=True)
class RunOptions(TrainingRun):
    """The run."""

    sample_prompts: tuple[str, ...] = ()
    """Prompts to edit the clip towards at every checkpoint; the videos lie beside the checkpoint."""


@dataclass(frozen=True, kw_only=True)
class OneShotJob:
    """Tune a model to the motion of one clip, by Tune-A-Video or FateZero."""

    input: Positional[Path]
    """The video, or a folder of frames. Its first 24 frames are used unless others are asked for."""
    output: Positional[Path]
    """The adapter: a .safetensors file. Checkpoints, losses and samples go to the folder OUT-training."""
    trim: Trim = field(default_factory=Trim)
    model: ModelOptions = field(default_factory=ModelOptions)
    run: RunOptions = field(default_factory=RunOptions)
    config: Path | None = None
    """A YAML file with any of these options, by their names (learning_rate: 0.00001)."""
    tuning: OneShot


def main(arguments: Sequence[str]) -> None:
    """Looks for every mistake that shows without computing, then tunes.

    Raises:
        ValueError, OSError: For what is wrong.
    """
    job = parse(OneShotJob, arguments, command="train one-shot")
    from ..runs.inputs import fitted
    from ..video.files import check_target
    from .host import CommandHost

    if job.output.suffix != ".safetensors":
        raise ValueError(f"{job.output} must end with .safetensors: that is what an adapter is")
    check_target(job.output, folder=False, overwrite=job.run.overwrite or job.run.resume)
    video, host = clip_of(job.input, job.trim), CommandHost()
    shape = host.outline(job.model.ref)
    clip, fit = fitted(video, shape, job.run.size)
    if shape.text is None:
        raise ValueError(f"one-shot tuning needs a model that reads prompts; {shape.title} doesn't")
    for prompt in (job.tuning.prompt, job.tuning.class_prompt, *job.run.sample_prompts):
        shape.text(prompt)
    tune(job, host, video, clip, fit)


def tune(job: OneShotJob, host: "CommandHost", video: "Video", clip: "Video", fit: "Fit") -> None:
    """Tunes to a clip, which is `video` at the size of work, and writes the adapter."""
    from ..progress import quiet
    from ..training import TrainingFolder
    from ..training.processes import processes

    began, place = time.monotonic(), job.output.with_name(f"{job.output.stem}-training")
    state, ref = processes(), job.model.ref
    model = host.load(ref if state.num_processes == 1 else replace(ref, device=str(state.device)))
    config = {
        **job.tuning.config(model, file_hash(job.input)),
        "frames": str(job.trim),
        "size": list(fit.size),
    }
    folder = TrainingFolder(path=place, config=config, resume=job.run.resume, overwrite=job.run.overwrite)
    with host.reporting(as_json=job.run.json_progress) as reporter:
        progress = reporter.progress if state.is_main_process else quiet
        keep = Keeper(job, folder, model, video, fit, progress)
        adapter = job.tuning(model, clip, progress=progress, folder=folder, at_checkpoint=keep)
    if state.is_main_process:
        adapter.save(job.output, steps=job.tuning.length)
        size, seconds = job.output.stat().st_size / 1e6, time.monotonic() - began
        what = f"{size:.1f} MB, {job.tuning.length} steps on {len(video)} frames in {seconds:.0f} s"
        print(f"{job.output}  ({what})")
        print(f"{place}/  (checkpoints, losses.csv, losses.svg)")


def clip_of(path: Path, trim: Trim) -> "Video":
    """The frames to train on.

    Raises:
        ValueError: If there are fewer than asked for.
    """
    from ..runs.inputs import read_source

    video = read_source(path, replace(trim, frames=trim.frames or MOST_FRAMES))
    if trim.frames and len(video) < trim.frames:
        raise ValueError(
            f"{path} has {len(video)} frames where {trim.frames} were asked for; ask for fewer, or for a "
            "smaller --every"
        )
    return video


@dataclass(frozen=True, eq=False)
class Keeper:
    """Writes what a checkpoint leaves for people: the adapter as it is, and edits by it."""

    job: OneShotJob
    folder: "TrainingFolder"
    model: "Backbone"
    video: "Video"
    fit: "Fit"
    progress: "Progress"

    def __call__(self, adapter: "Adapter", step: int) -> None:
        motion = self.folder.at(step, ".safetensors")
        adapter.save(motion, steps=step)
        for number, prompt in enumerate(self.job.run.sample_prompts, start=1):
            edited = self.sample(TuneAVideo(motion=motion, target=prompt))
            edited.write(self.folder.at(step, f"-{number}.mp4"), overwrite=True)

    def sample(self, method: TuneAVideo) -> "Video":
        """An edit of the clip."""
        from ..inputs import Inputs
        from ..runs import Host
        from ..runs.run import assembled, compute

        inputs = InputRefs(video=VideoRef(path=str(self.job.input), trim=self.job.trim))
        recipe = Recipe(method=method, model=self.job.model.ref, inputs=inputs, fit=self.fit)
        work = assembled(recipe, Inputs(video=self.video), self.model)
        return compute(work, self.model, Host(progress=self.progress))
