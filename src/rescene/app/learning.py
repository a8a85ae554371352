"""A training at work: its loss curve, and edits by what has been learnt so far."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..adapters import Adapter
from ..backbones import MotionLoRA, StableDiffusion, StableVideo
from ..inputs import Fit
from ..methods import TuneAVideo
from ..methods.i2vedit import I2VEdit
from ..training import TrainingFolder
from ..video import Video
from ..video.watch import watching
from .jobs import Job, Outcome
from .showing import write_playable
from .workshop import LORA, Workshop

SAMPLE_STEPS = 10
"""Of a sample: few, as there is one at every checkpoint."""


@dataclass(frozen=True, kw_only=True)
class Learning:
    """One training."""

    workshop: Workshop
    tuning: Any
    video: Video
    sha256: str

    def begin(self, job: Job) -> tuple[Any, Fit]:
        """The model, and the size to work at; the clip is there to be seen beside its samples."""
        job.begin("Loading the model")
        model, _ = self.workshop.models.load(job.lane)
        shown = self.workshop.folder_of(job) / "source.mp4"
        write_playable(replace(self.video, audio=None), shown)
        job.show(source=shown)
        return model, Fit.to(self.video, area=model.native_area, grid=model.grid)

    def folder(self, job: Job, config: dict[str, Any], fit: Fit) -> TrainingFolder:
        """Where checkpoints and losses go."""
        config = {**config, "frames": len(self.video), "size": list(fit.size)}
        return TrainingFolder(path=self.workshop.folder_of(job) / "training", config=config, overwrite=True)

    def keeper(
        self, job: Job, folder: TrainingFolder, sample: Callable[[Path], Video]
    ) -> Callable[[Adapter | MotionLoRA, int], None]:
        """Shows the curve and, made with the file of what was learnt, a sample at each checkpoint."""

        def keep(learnt: Adapter | MotionLoRA, step: int) -> None:
            job.show(curve=folder.path / "losses.svg")
            motion, path = folder.at(step, ".safetensors"), folder.at(step, ".mp4")
            if isinstance(learnt, Adapter):
                learnt.save(motion, steps=step)
            else:
                learnt.save(motion)
            with watching(sample(motion), job.progress, "Writing") as watched:
                watched.write(path, overwrite=True, source_type=None)
            job.show(**{f"sample-{step}": path, "result": path})

        return keep

    def outcome(self, job: Job, path: Path, tab: str) -> Outcome:
        """What there is to see and to take home."""
        return Outcome(
            files={"adapter": path, **job.shown},
            facts=f"{self.tuning.length} steps · choose {path.stem} under {tab}",
        )


@dataclass(frozen=True, kw_only=True)
class OneShotLearning(Learning):
    """An image model learns a clip; samples are edits of it towards a prompt."""

    prompt: str

    def run(self, job: Job) -> Outcome:
        """Teaches, and leaves the adapter in the folder of results."""
        model, fit = self.begin(job)
        folder = self.folder(job, self.tuning.config(model, self.sha256), fit)
        keep = self.keeper(job, folder, lambda motion: self.sample(job, model, fit, motion))
        adapter = self.tuning(
            model, fit.apply(self.video), progress=job.progress, folder=folder, at_checkpoint=keep
        )
        path = self.workshop.free("motion", ".safetensors")
        adapter.save(path, steps=self.tuning.length)
        return self.outcome(job, path, "Edit")

    def sample(self, job: Job, model: StableDiffusion, fit: Fit, motion: Path) -> Video:
        """The clip, edited by what was learnt."""
        edit = TuneAVideo(motion=motion, target=self.prompt, num_inference_steps=SAMPLE_STEPS)
        return fit.restore(edit(model, fit.apply(self.video), progress=job.progress))


@dataclass(frozen=True, kw_only=True)
class MotionLearning(Learning):
    """A video model learns a clip; samples carry a picture through it."""

    first: Video
    """The picture, as a video of one frame of the clip's size."""

    def run(self, job: Job) -> Outcome:
        """Teaches, and leaves the LoRA in the folder of results."""
        model, fit = self.begin(job)
        folder = self.folder(job, self.tuning.config(model, {"sha256": self.sha256}), fit)
        keep = self.keeper(job, folder, lambda motion: self.sample(job, model, fit, motion))
        lora = self.tuning(
            model, fit.apply(self.video), progress=job.progress, folder=folder, at_checkpoint=keep
        )
        path = self.workshop.free(LORA, ".safetensors")
        lora.save(path)
        return self.outcome(job, path, "Propagate")

    def sample(self, job: Job, model: StableVideo, fit: Fit, motion: Path) -> Video:
        """The picture, moved by what was learnt."""
        edit = I2VEdit(motion_lora=(motion,), clip_length=len(self.video), num_inference_steps=SAMPLE_STEPS)
        key_frames = {0: fit.apply(self.first).frames}
        return fit.restore(edit(model, fit.apply(self.video), key_frames, progress=job.progress))
