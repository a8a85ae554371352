"""The tab that teaches a model a motion: the loss curve and edits on the way."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import gradio as gr

from ..adapters import Adapter
from ..backbones import StableDiffusion
from ..methods import TuneAVideo
from ..settings import encode, file_hash
from ..training import OneShot, TrainingFolder
from ..video import Fit, Video
from ..video.watch import watching
from . import fields
from .edit import trim_of
from .form import Form
from .jobs import Job, Outcome
from .models import IMAGE
from .starting import started
from .widgets import PRIVATE, widget
from .workshop import Workshop

EMPTY = "Drop a short clip: a model learns its motion, to be edited with Tune-A-Video afterwards."
MOST_FRAMES = 24
"""Frames that are learnt at most: all are in memory at once."""
KINDS: dict[str, type] = {"one-shot": OneShot}


@dataclass(frozen=True)
class TrainTab:
    """The tab, and what its buttons do."""

    workshop: Workshop

    @cached_property
    def form(self) -> Form:
        """The trainings' inputs."""
        titles = {"one-shot": "One-shot: the motion of one clip"}
        return Form("train", KINDS, self.workshop.models.names(IMAGE), titles=titles)

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
        shape = self.workshop.models.outline(model)
        for prompt in filter(None, (tuning.prompt, sample)):
            shape.embed(prompt)
        trim = replace(trim, frames=MOST_FRAMES)
        video = Video.read(source.path, start=trim.start, end=trim.end, frames=trim.frames)
        asked = {"source": source.id, "method": kind, "model": model, "fields": encode(tuning)}
        learning = Learning(self.workshop, tuning, video, file_hash(source.path), sample)
        return Job(title=tuning.prompt, lane=model, settings=asked, work=learning.run)


@dataclass(frozen=True)
class Learning:
    """One training at work."""

    workshop: Workshop
    tuning: OneShot
    video: Video
    sha256: str
    sample: str

    def run(self, job: Job) -> Outcome:
        """Trains, and leaves the adapter in the folder of results."""
        job.begin("Loading the model")
        model, _ = self.workshop.models.load(job.lane)
        fit = Fit.to(self.video, area=model.native_area, stride=model.stride)
        place = self.workshop.folder_of(job) / "training"
        config = {**self.tuning.config(model, self.sha256), "frames": len(self.video), "size": list(fit.size)}
        folder = TrainingFolder(path=place, config=config, overwrite=True)
        keep = self.keeper(job, model, fit, folder)
        adapter = self.tuning(
            model, fit.apply(self.video), progress=job.progress, folder=folder, at_checkpoint=keep
        )
        path = self.workshop.free("motion", ".safetensors")
        adapter.save(path, steps=self.tuning.length)
        files = {"adapter": path, "curve": place / "losses.svg"}
        if self.sample:
            files["result"] = self.try_on(job, model, fit, path, place / "sample.mp4")
        facts = f"{self.tuning.length} steps · choose {path.stem!r} under Edit, with Tune-A-Video"
        return Outcome(files={name: file for name, file in files.items() if file.is_file()}, facts=facts)

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
