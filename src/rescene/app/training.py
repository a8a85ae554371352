"""The tab that teaches a model a motion: the loss curve and edits on the way."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import gradio as gr

from ..adapters import Adapter
from ..backbones import StableDiffusion
from ..methods import TuneAVideo
from ..settings import encode, file_hash
from ..training import MotionTuning, OneShot, TrainingFolder
from ..video import Fit, Video
from ..video.watch import watching
from . import fields
from .edit import trim_of
from .form import Form
from .jobs import Job, Outcome
from .models import IMAGE, VIDEO
from .starting import started
from .widgets import PRIVATE, widget
from .workshop import LORA, Workshop

EMPTY = "Drop a short clip: a model learns its motion."
MOST_FRAMES = 24
"""Frames that are learnt at most: all are in memory at once."""
KINDS: dict[str, type] = {"one-shot": OneShot, "motion-lora": MotionTuning}
TITLES = {
    "one-shot": "One-shot: an image model learns a clip, for Tune-A-Video",
    "motion-lora": "Motion LoRA: a video model learns a clip, for Propagate",
}


@dataclass(frozen=True)
class TrainTab:
    """The tab, and what its buttons do."""

    workshop: Workshop

    @cached_property
    def form(self) -> Form:
        """The trainings' inputs."""
        models = self.workshop.models
        return Form("train", KINDS, [*models.names(IMAGE), *models.names(VIDEO)], titles=TITLES)

    def build(self) -> None:
        """Lays the tab out and connects it; call it in a `gr.Blocks`."""
        form = self.form
        with gr.Row(elem_classes="rs-page"):
            with gr.Column(scale=4, min_width=320, elem_classes="rs-controls"):
                picker = widget("picker", {}, examples=[])
                form.build_head()
                form.build_prompts()
                sample = gr.Textbox(
                    "", label="Try it on", info="A prompt to edit the clip towards at every checkpoint."
                )
                form.build_rest()
                line = gr.HTML("", elem_classes="rs-estimate")
                run = gr.Button("Learn the motion", variant="primary", elem_id="train-run")
            with gr.Column(scale=7, min_width=320, elem_classes="rs-view"):
                stage = widget("stage", {}, tab="train", empty=EMPTY)
        picker.change(self.picked, picker, stage, **PRIVATE)
        run.click(self.run, [stage, sample, *form.inputs], [stage, line], **PRIVATE)

    def picked(self, value: dict[str, Any]) -> dict[str, Any]:
        """Shows the clip that was chosen."""
        return {"source": self.workshop.sources.get((value.get("source") or {}).get("id")).facts()}

    def run(self, stage: dict[str, Any], sample: str, *values: Any) -> tuple[Any, Any]:
        """Puts the training into the queue and shows it."""
        return started(stage, lambda: self.workshop.jobs.submit(self.job(stage or {}, sample, values)))

    def job(self, stage: dict[str, Any], sample: str, values: tuple[Any, ...]) -> Job:
        """The training that the inputs describe.

        Raises:
            ValueError: For what is wrong with it.
        """
        kind, model, given = self.form.read(values)
        tuning = fields.read(KINDS[kind], given, name=kind)
        source, trim = self.workshop.sources.get((stage.get("source") or {}).get("id")), trim_of(stage)
        shape, wanted = self.workshop.models.outline(model), VIDEO if kind == "motion-lora" else IMAGE
        if model not in self.workshop.models.names(wanted):
            known = ", ".join(self.workshop.models.names(wanted))
            raise ValueError(f"{model} can't learn this; choose one of {known}")
        if wanted is IMAGE:
            for prompt in filter(None, (tuning.prompt, sample)):
                shape.embed(prompt)
        most = MOST_FRAMES if wanted is IMAGE else shape.clip_length
        video = Video.read(source.path, start=trim.start, end=trim.end, frames=most)
        asked = {"source": source.id, "method": kind, "model": model, "fields": encode(tuning)}
        learning = Learning(self.workshop, tuning, video, file_hash(source.path), sample)
        work = learning.one_shot if wanted is IMAGE else learning.motion_lora
        title = getattr(tuning, "prompt", f"The motion of {source.name}")
        return Job(title=title, lane=model, settings=asked, work=work)


@dataclass(frozen=True)
class Learning:
    """One training at work."""

    workshop: Workshop
    tuning: Any
    video: Video
    sha256: str
    sample: str

    def one_shot(self, job: Job) -> Outcome:
        """Teaches an image model, and leaves the adapter in the folder of results."""
        model, fit = self.begin(job)
        folder = self.folder(job, self.tuning.config(model, self.sha256), fit)
        keep = self.keeper(job, model, fit, folder)
        adapter = self.tuning(
            model, fit.apply(self.video), progress=job.progress, folder=folder, at_checkpoint=keep
        )
        path = self.workshop.free("motion", ".safetensors")
        adapter.save(path, steps=self.tuning.length)
        files = {"adapter": path, "curve": folder.path / "losses.svg"}
        if self.sample:
            files["result"] = self.try_on(job, model, fit, path, folder.path / "sample.mp4")
        return Outcome(files=files, facts=f"{self.tuning.length} steps · choose {path.stem} under Edit")

    def motion_lora(self, job: Job) -> Outcome:
        """Teaches a video model, and leaves the LoRA in the folder of results."""
        model, fit = self.begin(job)
        folder = self.folder(job, self.tuning.config(model, {"sha256": self.sha256}), fit)
        lora = self.tuning(
            model,
            fit.apply(self.video),
            progress=job.progress,
            folder=folder,
            at_checkpoint=lambda lora, step: job.show(curve=folder.path / "losses.svg"),
        )
        path = self.workshop.free(LORA, ".safetensors")
        lora.save(path)
        files = {"adapter": path, "curve": folder.path / "losses.svg"}
        return Outcome(files=files, facts=f"{self.tuning.length} steps · choose {path.stem} under Propagate")

    def begin(self, job: Job) -> tuple[Any, Fit]:
        """The model, and the size to work at."""
        job.begin("Loading the model")
        model, _ = self.workshop.models.load(job.lane)
        return model, Fit.to(self.video, area=model.native_area, stride=model.stride)

    def folder(self, job: Job, config: dict[str, Any], fit: Fit) -> TrainingFolder:
        """Where checkpoints and losses go."""
        config = {**config, "frames": len(self.video), "size": list(fit.size)}
        return TrainingFolder(path=self.workshop.folder_of(job) / "training", config=config, overwrite=True)

    def keeper(
        self, job: Job, model: StableDiffusion, fit: Fit, folder: TrainingFolder
    ) -> Callable[[Adapter, int], None]:
        """Shows the curve, and an edit by what has been learnt so far."""

        def keep(adapter: Adapter, step: int) -> None:
            curve = folder.path / "losses.svg"
            job.show(curve=curve)
            if self.sample and step < self.tuning.length:
                motion = folder.at(step, ".safetensors")
                adapter.save(motion, steps=step)
                job.show(result=self.try_on(job, model, fit, motion, folder.at(step, ".mp4")))

        return keep

    def try_on(self, job: Job, model: StableDiffusion, fit: Fit, motion: Path, path: Path) -> Path:
        """Edits the clip by what was learnt."""
        edit = TuneAVideo(motion=motion, target=self.sample, num_inference_steps=20)
        edited = edit(model, fit.apply(self.video), progress=job.progress)
        with watching(fit.restore(edited), job.progress, "Writing") as watched:
            watched.write(path, overwrite=True)
        return path
