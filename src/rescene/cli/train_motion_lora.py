"""`rescene train motion-lora`: LoRAs of how a video moves, one for each of its clips."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from tyro.conf import Positional

from ..backbones import MotionLoRA, StableVideo
from ..cache import cached
from ..inputs import Fit
from ..methods.i2vedit import I2VEdit
from ..methods.source_clip import SourceClip
from ..methods.spans import Span, segments
from ..progress import Progress
from ..settings import Trim, file_hash
from ..training import MotionTuning, TrainingFolder
from ..training.processes import processes
from ..video import Video
from ..video.files import check_target
from .carry import read_picture
from .edit import numbered
from .forms import parse
from .options import TrainingRun, fit_for, read_source
from .progress import Reporter, reporting
from .video_model import VideoModelOptions


@dataclass(frozen=True, kw_only=True)
class MotionRun(TrainingRun):
    """The run."""

    clip_length: int | None = None
    """Frames of a clip, as in `rescene propagate`; the model's own if not given."""
    skip_interval: bool = True
    """Later clips also look at the first one, as they will in `rescene propagate`."""
    sample_frame: Path | None = None
    """The video's first frame, edited, to carry through the first clip at every checkpoint; the videos lie
    beside the checkpoint."""


@dataclass(frozen=True, kw_only=True)
class MotionLoRAJob:
    """Teach a video model how a video moves, for `rescene propagate --motion-lora`."""

    input: Positional[Path]
    """The video, or a folder of frames."""
    output: Positional[Path]
    """The LoRA: a .safetensors file. A video of several clips makes several: OUT, OUT-2, ... Checkpoints,
    losses and samples go to the folders OUT-training."""
    trim: Trim = field(default_factory=Trim)
    model: VideoModelOptions = field(default_factory=VideoModelOptions)
    run: MotionRun = field(default_factory=MotionRun)
    config: Path | None = None
    """A YAML file with any of these options, by their names (rank: 16)."""
    tuning: MotionTuning = field(default_factory=MotionTuning)


def main(arguments: Sequence[str]) -> None:
    """Looks for every mistake that shows without computing, then trains.

    Raises:
        ValueError, OSError: For what is wrong.
    """
    job = parse(MotionLoRAJob, arguments, command="train motion-lora")
    if job.output.suffix != ".safetensors":
        raise ValueError(f"{job.output} must end with .safetensors: that is what a LoRA is")
    video, outline = read_source(job.input, job.trim), job.model.outline()
    fit = fit_for(video, outline, job.run.size)
    (segment,) = segments(len(video), job.run.clip_length or outline.clip_length)
    outputs = [Path(path) for path in numbered(str(job.output), len(segment.spans))]
    for path in outputs:
        check_target(path, folder=False, overwrite=job.run.overwrite or job.run.resume)
    sample = job.run.sample_frame and fit.apply(read_picture(job.run.sample_frame, video, cover=False))

    model = job.model.load()
    with reporting(as_json=job.run.json_progress) as reporter:
        training = Training(job, model, fit, video, sample, reporter)
        first: SourceClip | None = None
        for path, span in zip(outputs, segment.spans, strict=True):
            if not (job.run.resume and path.exists()):
                training.train(path, span, first)
            if job.run.skip_interval and first is None:
                method = I2VEdit(clip_length=job.run.clip_length)
                first = method.source(model, training.source, span, progress=reporter.progress)


@dataclass(frozen=True, eq=False)
class Training:
    """The trainings for one video."""

    job: MotionLoRAJob
    model: StableVideo
    fit: Fit
    video: Video
    sample: Video | None
    reporter: Reporter

    @property
    def source(self) -> Video:
        """The video at the size of work."""
        return self.fit.apply(self.video)

    def train(self, path: Path, span: Span, first: SourceClip | None) -> None:
        """Trains on one clip, unless exactly that was done before: then what was learnt is in the cache."""
        tuning, began = self.job.tuning, time.monotonic()
        place = path.with_name(f"{path.stem}-training")
        video = {
            "sha256": file_hash(self.job.input),
            "trim": str(self.job.trim),
            "size": list(self.fit.size),
            "frames": [span.frames.start, span.frames.stop],
            "looks_at_first": first is not None,
        }
        config = tuning.config(self.model, video)
        how = "learnt before"

        def learn() -> Tensor:
            nonlocal how
            lora = self.learn(place, span, first, config)
            how = f"checkpoints, losses.csv and losses.svg in {place}/"
            return parameters_to_vector(lora.weights().values()).detach()

        key = {
            "kind": "motion-lora-1",
            **config,
            "steps": tuning.length,
            "processes": processes().num_processes,
        }
        lora = MotionLoRA.fresh(self.model, rank=tuning.rank, dropout=tuning.dropout, seed=tuning.seed)
        vector_to_parameters(cached(key, learn), lora.weights().values())
        lora.save(path)
        what = f"{path.stat().st_size / 1e6:.1f} MB, {tuning.length} steps on {len(span.frames)} frames"
        print(f"{path}  ({what} in {time.monotonic() - began:.0f} s; {how})")

    def learn(
        self, place: Path, span: Span, first: SourceClip | None, config: Mapping[str, object]
    ) -> MotionLoRA:
        """Trains on one clip; checkpoints go to the folder `place`."""
        run, clip = self.job.run, self.source[span.frames.start : span.frames.stop]
        resume = run.resume and (place / "checkpoint.safetensors").exists()
        folder = TrainingFolder(path=place, config=config, resume=resume, overwrite=run.overwrite)
        sample, progress = None if first else self.sample, self.reporter.progress
        return self.job.tuning(
            self.model,
            clip,
            first_keys=first.keys_at if first else None,
            progress=progress,
            folder=folder,
            at_checkpoint=keeper(folder, self.model, clip, self.fit, sample, progress),
        )


def keeper(
    folder: TrainingFolder,
    model: StableVideo,
    clip: Video,
    fit: Fit,
    sample: Video | None,
    progress: Progress,
) -> Callable[[MotionLoRA, int], None]:
    """Writes what a checkpoint leaves for people: the LoRA as it is, and an edit by it."""

    def keep(lora: MotionLoRA, step: int) -> None:
        path = folder.at(step, ".safetensors")
        lora.save(path)
        if sample is not None:
            method = I2VEdit(motion_lora=(path,), clip_length=len(clip))
            edited = method(model, clip, {0: sample.frames}, progress=progress)
            fit.restore(edited).write(folder.at(step, ".mp4"), overwrite=True)

    return keep
