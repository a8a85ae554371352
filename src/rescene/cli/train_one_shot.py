"""`rescene train one-shot`: an adapter from one clip."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tyro.conf import Positional

from ..adapters import Adapter
from ..backbones import StableDiffusion
from ..inputs import Fit
from ..methods import TuneAVideo
from ..progress import Progress, quiet
from ..settings import Trim, file_hash
from ..training import OneShot, TrainingFolder, processes
from ..video import Video
from ..video.files import check_target
from .forms import parse
from .options import ModelOptions, TrainingRun, fit_for, read_source
from .progress import reporting

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
    began, place = time.monotonic(), job.output.with_name(f"{job.output.stem}-training")
    if job.output.suffix != ".safetensors":
        raise ValueError(f"{job.output} must end with .safetensors: that is what an adapter is")
    check_target(job.output, folder=False, overwrite=job.run.overwrite or job.run.resume)
    video = clip_of(job.input, job.trim)
    shape = job.model.outline()
    fit = fit_for(video, shape, job.run.size)
    for prompt in (job.tuning.prompt, job.tuning.class_prompt, *job.run.sample_prompts):
        shape.embed(prompt)

    state = processes()
    options = job.model if state.num_processes == 1 else replace(job.model, device=str(state.device))
    model = options.load()
    config = {
        **job.tuning.config(model, file_hash(job.input)),
        "frames": str(job.trim),
        "size": list(fit.size),
    }
    folder = TrainingFolder(path=place, config=config, resume=job.run.resume, overwrite=job.run.overwrite)
    with reporting(as_json=job.run.json_progress) as reporter:
        progress = reporter.progress if state.is_main_process else quiet
        keep = keeper(folder, model, video, fit, prompts=job.run.sample_prompts, progress=progress)
        adapter = job.tuning(model, fit.apply(video), progress=progress, folder=folder, at_checkpoint=keep)
    if state.is_main_process:
        adapter.save(job.output, steps=job.tuning.length)
        size, seconds = job.output.stat().st_size / 1e6, time.monotonic() - began
        what = f"{size:.1f} MB, {job.tuning.length} steps on {len(video)} frames in {seconds:.0f} s"
        print(f"{job.output}  ({what})")
        print(f"{place}/  (checkpoints, losses.csv, losses.svg)")


def clip_of(path: Path, trim: Trim) -> Video:
    """The frames to train on.

    Raises:
        ValueError: If there are fewer than asked for.
    """
    video = read_source(path, replace(trim, frames=trim.frames or MOST_FRAMES))
    if trim.frames and len(video) < trim.frames:
        raise ValueError(
            f"{path} has {len(video)} frames where {trim.frames} were asked for; ask for fewer, or for a "
            "smaller --every"
        )
    return video


def keeper(
    folder: TrainingFolder,
    model: StableDiffusion,
    video: Video,
    fit: Fit,
    *,
    prompts: tuple[str, ...],
    progress: Progress,
) -> Callable[[Adapter, int], None]:
    """Writes what a checkpoint leaves for people: the adapter as it is, and edits by it."""

    def keep(adapter: Adapter, step: int) -> None:
        motion = folder.at(step, ".safetensors")
        adapter.save(motion, steps=step)
        for number, prompt in enumerate(prompts, start=1):
            edited = TuneAVideo(motion=motion, target=prompt)(model, fit.apply(video), progress=progress)
            fit.restore(edited).write(folder.at(step, f"-{number}.mp4"), overwrite=True)

    return keep
