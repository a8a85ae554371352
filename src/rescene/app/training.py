"""The tab that teaches a model a motion: the loss curve, and samples on the way."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import gradio as gr

from ..demo import CLIP
from ..fields import encode
from ..methods import Needs
from ..runs import file_hash
from ..training.settings import MotionTuning, OneShot, TrainingSettings
from ..video import Video
from . import fields
from .first_frame import covering, first_frame, frame_editor, painted
from .form import Form
from .jobs import Job
from .learning import MotionLearning, OneShotLearning
from .starting import on_run, started
from .trims import trim_of
from .widgets import PRIVATE, widget
from .workshop import Workshop

EMPTY = "Drop a short clip: a model learns its motion."
MOST_FRAMES = 24
"""Frames that are learnt at most: all are in memory at once."""
ONE_SHOT, MOTION_LORA = "one-shot", "motion-lora"
KINDS: dict[str, type[TrainingSettings]] = {ONE_SHOT: OneShot, MOTION_LORA: MotionTuning}
NEEDS = {ONE_SHOT: Needs(), MOTION_LORA: Needs(conditions=frozenset({"picture"}))}
"""What the models must read that learn by them."""
TITLES = {
    ONE_SHOT: "One-shot: for Edit and Generate",
    MOTION_LORA: "Motion LoRA: for Propagate",
}


@dataclass(frozen=True)
class TrainTab:
    """The tab, and what its buttons do."""

    workshop: Workshop

    @cached_property
    def form(self) -> Form:
        """The trainings' inputs."""
        return Form("train", KINDS, self.workshop.models.names(NEEDS[ONE_SHOT]), TITLES)

    def build(self) -> None:
        """Lays the tab out and connects it; call it in a `gr.Blocks`."""
        form = self.form
        with gr.Row(elem_classes="rs-page"):
            with gr.Column(scale=4, min_width=320, elem_classes="rs-controls"):
                picker = widget("picker", {}, examples=self.workshop.example(CLIP))
                form.build_head()
                form.build_prompts()
                sample = gr.Textbox(
                    "",
                    label="Try it on",
                    info="Samples edit the clip towards this; empty keeps it as it is.",
                    elem_id="train-sample",
                )
                # Its column belongs to the method, and it to the clip: either may come first.
                with gr.Column(visible=False) as trying:
                    editor = frame_editor(
                        "Try it on: paint on the first frame, or upload another", "train-frame"
                    )
                form.build_rest()
                line = gr.HTML("", elem_classes="rs-estimate")
                run = gr.Button("Learn the motion", variant="primary", elem_id="train-run")
            with gr.Column(scale=7, min_width=320, elem_classes="rs-view"):
                stage = widget("stage", {}, tab="train", empty=EMPTY)
                shown_frame = gr.State(None)
        method = form.parts["method"]
        picker.change(self.picked, picker, stage, **PRIVATE)
        stage.change(self.framed, [stage, shown_frame], [editor, shown_frame], **PRIVATE)
        method.change(self.chosen, method, [*form.shown, form.parts["model"], sample, trying], **PRIVATE)
        on_run(run.click, self.run, [stage, sample, editor, *form.inputs], stage, line)

    def picked(self, value: dict[str, Any]) -> dict[str, Any]:
        """Shows the clip that was chosen."""
        return {"source": self.workshop.chosen(value, CLIP).facts()}

    def framed(self, stage: dict[str, Any], shown: object) -> tuple[Any, Any]:
        """Puts the frame that the clip begins with into the editor."""
        return first_frame(self.workshop.sources, stage, shown)

    def chosen(self, kind: str) -> list[Any]:
        """Shows the inputs of the training that was chosen."""
        models, is_lora = self.workshop.models.names(NEEDS[kind]), kind == MOTION_LORA
        return [
            *self.form.chosen(kind),
            gr.update(choices=models, value=models[0]),
            gr.update(visible=not is_lora),
            gr.update(visible=is_lora),
        ]

    def run(self, stage: dict[str, Any], sample: str, drawn: Any, *values: Any) -> tuple[Any, Any]:
        """Puts the training into the queue and shows it."""
        return started(stage, lambda: self.workshop.jobs.submit(self.job(stage or {}, sample, drawn, values)))

    def job(self, stage: dict[str, Any], sample: str, drawn: Any, values: tuple[Any, ...]) -> Job:
        """The training that the inputs describe.

        Raises:
            ValueError: For what is wrong with it.
        """
        kind, model, given = self.form.read(values)
        tuning = fields.read(KINDS[kind], given, name=kind)
        source, trim = self.workshop.sources.get((stage.get("source") or {}).get("id")), trim_of(stage)
        shape, known = self.workshop.models.outline(model), self.workshop.models.names(NEEDS[kind])
        if model not in known:
            raise ValueError(f"{model} can't learn this; choose one of {', '.join(known)}")
        most = shape.native_frames or MOST_FRAMES
        video = Video.read(source.path, start=trim.start, end=trim.end, frames=most)
        about = {
            "workshop": self.workshop,
            "tuning": tuning,
            "video": video,
            "sha256": file_hash(source.path),
        }
        if kind == ONE_SHOT:
            if shape.text:
                for prompt in filter(None, (tuning.prompt, sample)):
                    shape.text(prompt)
            learning = OneShotLearning(**about, prompt=sample or tuning.prompt)
        else:
            picture = painted(drawn)
            learning = MotionLearning(**about, first=covering(picture, video) if picture else video[:1])
        asked = {"source": source.id, "method": kind, "model": model, "fields": encode(tuning)}
        title = getattr(tuning, "prompt", f"The motion of {source.name}")
        return Job(title=title, lane=model, settings=asked, work=learning.run)
