"""A training at work: its loss curve, and edits by what has been learnt so far."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from ..backbones import Backbone
from ..backbones.changes import Adapter, MotionLoRA
from ..inputs import Fit, Inputs
from ..methods import I2VEdit, Method, TuneAVideo
from ..runs import Host, ModelRef, Recipe
from ..runs.inputs import fitted
from ..runs.run import assembled, compute
from ..training import TrainingFolder
from ..training.settings import MotionTuning, OneShot, TrainingSettings
from ..typing import Frames
from ..video import Video
from ..video.watch import watching
from .jobs import Job, Outcome
from .showing import write_playable
from .workshop import LORA, Workshop

SAMPLE_STEPS = 10
"""Of a sample: few, as there is one at every checkpoint."""
Settings = TypeVar("Settings", bound=TrainingSettings)


@dataclass(frozen=True, kw_only=True)
class Learning(Generic[Settings]):
    """One training."""

    workshop: Workshop
    tuning: Settings
    video: Video
    sha256: str

    def begin(self, job: Job) -> tuple[Backbone, Video, Fit]:
        """The model, and the clip at the size of work; it is there to be seen beside its samples."""
        job.begin("Loading the model")
        model = self.workshop.models.load(job.lane)
        shown = self.workshop.folder_of(job) / "source.mp4"
        write_playable(replace(self.video, audio=None), shown)
        job.show(source=shown)
        return model, *fitted(self.video, model)

    def folder(self, job: Job, config: dict[str, Any], fit: Fit) -> TrainingFolder:
        """Where checkpoints and losses go."""
        config = {**config, "frames": len(self.video), "size": list(fit.size)}
        return TrainingFolder(path=self.workshop.folder_of(job) / "training", config=config, overwrite=True)

    def show(self, job: Job, folder: TrainingFolder, step: int, sample: Callable[[], Video]) -> None:
        """Shows the curve and a sample at a checkpoint."""
        job.show(curve=folder.path / "losses.svg")
        path = folder.at(step, ".mp4")
        with watching(sample(), job.progress, "Writing") as watched:
            watched.write(path, overwrite=True, source_type=None)
        job.show(**{f"sample-{step}": path, "result": path})

    def sample(self, job: Job, method: Method, model: Backbone, key_frames: dict[int, Frames]) -> Video:
        """The clip, edited by what was learnt."""
        recipe = Recipe(method=method, model=ModelRef(name=job.lane))
        work = assembled(recipe, Inputs(video=self.video, key_frames=key_frames), model)
        return compute(work, model, Host(progress=job.progress))

    def outcome(self, job: Job, path: Path, tab: str) -> Outcome:
        """What there is to see and to take home."""
        return Outcome(
            files={"adapter": path, **job.shown},
            facts=f"{self.tuning.length} steps · choose {path.stem} under {tab}",
        )


@dataclass(frozen=True, kw_only=True)
class OneShotLearning(Learning[OneShot]):
    """An image model learns a clip; samples are edits of it towards a prompt."""

    prompt: str

    def run(self, job: Job) -> Outcome:
        """Teaches, and leaves the adapter in the folder of results."""
        model, clip, fit = self.begin(job)
        folder = self.folder(job, self.tuning.config(model, self.sha256), fit)

        def keep(learnt: Adapter, step: int) -> None:
            motion = folder.at(step, ".safetensors")
            learnt.save(motion, steps=step)
            edit = TuneAVideo(motion=motion, target=self.prompt, num_inference_steps=SAMPLE_STEPS)
            self.show(job, folder, step, lambda: self.sample(job, edit, model, {}))

        adapter = self.tuning(model, clip, progress=job.progress, folder=folder, at_checkpoint=keep)
        path = self.workshop.free("motion", ".safetensors")
        adapter.save(path, steps=self.tuning.length)
        return self.outcome(job, path, "Edit")


@dataclass(frozen=True, kw_only=True)
class MotionLearning(Learning[MotionTuning]):
    """A video model learns a clip; samples carry a picture through it."""

    first: Video
    """The picture, as a video of one frame of the clip's size."""

    def run(self, job: Job) -> Outcome:
        """Teaches, and leaves the LoRA in the folder of results."""
        model, clip, fit = self.begin(job)
        folder = self.folder(job, self.tuning.config(model, {"sha256": self.sha256}), fit)
        length = len(self.video)

        def keep(learnt: MotionLoRA, step: int) -> None:
            motion = folder.at(step, ".safetensors")
            learnt.save(motion)
            edit = I2VEdit(motion_lora=(motion,), clip_length=length, num_inference_steps=SAMPLE_STEPS)
            self.show(job, folder, step, lambda: self.sample(job, edit, model, {0: self.first.frames}))

        lora = self.tuning(model, clip, progress=job.progress, folder=folder, at_checkpoint=keep)
        path = self.workshop.free(LORA, ".safetensors")
        lora.save(path)
        return self.outcome(job, path, "Propagate")
