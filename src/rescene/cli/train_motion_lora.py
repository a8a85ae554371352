"""`rescene train motion-lora`: LoRAs of how a video moves, one for each of its clips."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import Positional

from ..methods.i2vedit import I2VEdit
from ..runs import InputRefs, KeyFrameRef, Recipe, Trim, VideoRef, file_hash
from ..training.settings import MotionTuning
from .edit import numbered
from .forms import parse
from .options import TrainingRun, VideoModelOptions

if TYPE_CHECKING:
    from torch import Tensor

    from ..backbones import Backbone
    from ..backbones.changes import MotionLoRA
    from ..inputs import Fit
    from ..methods.i2vedit.source import SourceClip
    from ..methods.i2vedit.spans import Span
    from ..progress import Progress
    from ..video import Video


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
    from ..methods.i2vedit.spans import segments
    from ..runs.inputs import fitted, read_picture, read_source
    from ..video.files import check_target
    from .host import CommandHost

    if job.output.suffix != ".safetensors":
        raise ValueError(f"{job.output} must end with .safetensors: that is what a LoRA is")
    video, host = read_source(job.input, job.trim), CommandHost()
    outline = host.outline(job.model.ref)
    source, fit = fitted(video, outline, job.run.size)
    length = job.run.clip_length or outline.native_frames
    if length is None:
        raise ValueError(f"a motion LoRA is for a model of videos, and {outline.title} makes single images")
    (segment,) = segments(len(video), length)
    outputs = [Path(path) for path in numbered(str(job.output), len(segment.spans))]
    for path in outputs:
        check_target(path, folder=False, overwrite=job.run.overwrite or job.run.resume)
    sample = job.run.sample_frame and read_picture(job.run.sample_frame, video, cover=False)

    model = host.load(job.model.ref)
    with host.reporting(as_json=job.run.json_progress) as reporter:
        training = Training(job, model, fit, video, source, sample, reporter.progress)
        first: SourceClip | None = None
        for path, span in zip(outputs, segment.spans, strict=True):
            if not (job.run.resume and path.exists()):
                training.train(path, span, first)
            if job.run.skip_interval and first is None:
                first = training.first(span)


@dataclass(frozen=True, eq=False)
class Training:
    """The trainings for one video."""

    job: MotionLoRAJob
    model: "Backbone"
    fit: "Fit"
    video: "Video"
    source: "Video"
    """The video at the size of work."""
    sample: "Video | None"
    progress: "Progress"

    def first(self, span: "Span") -> "SourceClip":
        """The first clip on its way to noise, which later ones look at."""
        from ..methods.i2vedit.edit import I2VEditWork
        from ..methods.method import Run

        work = I2VEditWork(I2VEdit(clip_length=self.job.run.clip_length), self.model)
        return work.source(self.source, span, None, Run(progress=self.progress), "")

    def train(self, path: Path, span: "Span", first: "SourceClip | None") -> None:
        """Trains on one clip, unless exactly that was done before: then what was learnt is in the cache."""
        from torch.nn.utils import parameters_to_vector, vector_to_parameters

        from ..backbones.changes import MotionLoRA
        from ..cache import cached
        from ..training.processes import processes

        tuning, began = self.job.tuning, time.monotonic()
        place = path.with_name(f"{path.stem}-training")
        config = tuning.config(self.model, self._about(span, first))
        how = "learnt before"

        def learn() -> "Tensor":
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

    def _about(self, span: "Span", first: "SourceClip | None") -> dict[str, object]:
        """What decides a training, apart from the model and the settings."""
        return {
            "sha256": file_hash(self.job.input),
            "trim": str(self.job.trim),
            "size": list(self.fit.size),
            "frames": [span.frames.start, span.frames.stop],
            "looks_at_first": first is not None,
        }

    def learn(
        self, place: Path, span: "Span", first: "SourceClip | None", config: Mapping[str, object]
    ) -> "MotionLoRA":
        """Trains on one clip; checkpoints go to the folder `place`."""
        from ..training import TrainingFolder

        run, frames = self.job.run, slice(span.frames.start, span.frames.stop)
        resume = run.resume and (place / "checkpoint.safetensors").exists()
        folder = TrainingFolder(path=place, config=config, resume=resume, overwrite=run.overwrite)

        def keep(lora: "MotionLoRA", step: int) -> None:
            """Writes what a checkpoint leaves for people: the LoRA as it is, and an edit by it."""
            lora.save(folder.at(step, ".safetensors"))
            if self.sample is not None and first is None:
                edited = self.edited(folder.at(step, ".safetensors"), self.video[frames], self.sample)
                edited.write(folder.at(step, ".mp4"), overwrite=True)

        return self.job.tuning(
            self.model,
            self.source[frames],
            first_keys=first.keys_at if first else None,
            progress=self.progress,
            folder=folder,
            at_checkpoint=keep,
        )

    def edited(self, lora: Path, clip: "Video", sample: "Video") -> "Video":
        """The edited frame, carried through a clip by what is learnt so far."""
        from ..inputs import Inputs
        from ..runs import Host
        from ..runs.run import assembled, compute

        recipe = Recipe(
            method=I2VEdit(motion_lora=(lora,), clip_length=len(clip)),
            model=self.job.model.ref,
            inputs=InputRefs(
                video=VideoRef(path=str(self.job.input), trim=self.job.trim),
                key_frames=(KeyFrameRef(at=0, path=str(self.job.run.sample_frame)),),
            ),
            fit=self.fit,
        )
        work = assembled(recipe, Inputs(video=clip, key_frames={0: sample.frames}), self.model)
        return compute(work, self.model, Host(progress=self.progress))
