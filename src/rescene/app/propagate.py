"""The tab that carries an edited first frame through a video (I2VEdit)."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from ..demo import CLIP
from ..fields import encode
from ..inputs import Fit
from ..methods.i2vedit import I2VEdit
from ..settings import SourceSettings, file_hash, sidecar, write_result
from ..settings.propagated import KeyFrameSettings, PropagatedSettings
from ..video import Video
from ..video.watch import watching
from . import fields
from .first_frame import covering, first_frame, frame_editor, painted
from .form import Form
from .jobs import Job, Outcome
from .models import VIDEO
from .order import facts
from .showing import latent_preview, write_playable
from .starting import on_run, started
from .trims import trim_of
from .widgets import PRIVATE, widget
from .workshop import Workshop

EMPTY = "Drop a video. Then paint on its first frame, or replace it, and the video follows."
METHOD = "i2vedit"


@dataclass(frozen=True)
class PropagateTab:
    """The tab, and what its buttons do."""

    workshop: Workshop

    @cached_property
    def form(self) -> Form:
        """The method's inputs."""
        return Form("propagate", {METHOD: I2VEdit}, self.workshop.models.names(VIDEO))

    @cached_property
    def learnt(self) -> dict[Any, Any]:
        """Lists to be brought up to date when the page is opened."""
        return {}

    def build(self) -> None:
        """Lays the tab out and connects it; call it in a `gr.Blocks`."""
        form = self.form
        with gr.Row(elem_classes="rs-page"):
            with gr.Column(scale=4, min_width=320, elem_classes="rs-controls"):
                picker = widget("picker", {}, examples=self.workshop.example(CLIP))
                editor = frame_editor("The first frame: paint on it, or upload another", "first-frame")
                form.build_head()
                lora = gr.Dropdown(
                    ["", *self.workshop.loras()],
                    value="",
                    label="Motion",
                    info="What was learnt under Train.",
                    elem_id="propagate-motion",
                )
                self.learnt[lora] = lambda: list(self.workshop.loras())
                form.build_rest()
                line = gr.HTML("", elem_classes="rs-estimate")
                run = gr.Button("Carry it through", variant="primary", elem_id="propagate-run")
            with gr.Column(scale=7, min_width=320, elem_classes="rs-view"):
                stage = widget("stage", {}, tab="propagate", empty=EMPTY)
                shown = gr.State(None)
        picker.change(self.picked, picker, stage, **PRIVATE)
        stage.change(self.framed, [stage, shown], [editor, shown], **PRIVATE)
        on_run(run.click, self.run, [stage, editor, lora, *form.inputs], stage, line)

    def picked(self, value: dict[str, Any]) -> dict[str, Any]:
        """Shows the video that was chosen."""
        return {"source": self.workshop.chosen(value, CLIP).facts()}

    def framed(self, stage: dict[str, Any], shown: object) -> tuple[Any, Any]:
        """Shows the frame that the clip begins with, also when it is cut."""
        return first_frame(self.workshop.sources, stage, shown)

    def run(
        self, stage: dict[str, Any], drawn: dict[str, Any] | None, lora: str, *values: Any
    ) -> tuple[Any, Any]:
        """Puts the propagation into the queue and shows it."""
        return started(stage, lambda: self.workshop.jobs.submit(self.job(stage or {}, drawn, lora, values)))

    def job(
        self, stage: dict[str, Any], drawn: dict[str, Any] | None, lora: str, values: tuple[Any, ...]
    ) -> Job:
        """The propagation that the inputs describe.

        Raises:
            ValueError: For what is wrong with it.
        """
        _, model, given = self.form.read(values)
        edit = fields.read(I2VEdit, given, name=METHOD)
        if lora:
            if lora not in self.workshop.loras():
                raise ValueError(f"there is no motion {lora[:60]!r}; choose one, or make one under Train")
            edit = replace(edit, motion_lora=(self.workshop.loras()[lora],))
        source, trim = self.workshop.sources.get((stage.get("source") or {}).get("id")), trim_of(stage)
        picture = painted(drawn)
        if picture is None:
            raise ValueError("edit the first frame first: paint on it, or upload another picture")
        video = Video.read(source.path, start=trim.start, end=trim.end)
        shape = self.workshop.models.outline(model)
        fit = Fit.to(video, area=shape.native_area, grid=shape.grid)
        first = fit.apply(covering(picture, video)).frames
        edit.segments(shape, fit.apply(video), [{0: first}])
        settings = SourceSettings(path=source.name, sha256=file_hash(source.path), trim=trim)
        carrying = Carrying(self.workshop, edit, video, fit, picture, settings)
        asked = {
            "source": source.id,
            "method": METHOD,
            "model": model,
            "fields": given,
            "trim": encode(trim),
        }
        return Job(title=f"{source.name}, carried through", lane=model, settings=asked, work=carrying.run)


@dataclass(frozen=True)
class Carrying:
    """One propagation at work."""

    workshop: Workshop
    edit: I2VEdit
    video: Video
    fit: Fit
    picture: Image.Image
    source: SourceSettings

    def run(self, job: Job) -> Outcome:
        """Propagates, and leaves the result and the first frame in the folder of results."""
        job.begin("Loading the model")
        model, used = self.workshop.models.load(job.lane)
        video, first = self.fit.apply(self.video), self.fit.apply(covering(self.picture, self.video)).frames
        job.look = latent_preview(model.encode(first), first)
        edited = self.edit(model, video, {0: first}, progress=job.progress)
        path = self.workshop.free(f"{Path(self.source.path).stem}-{METHOD}")
        frame = path.with_name(f"{path.stem}-first-frame.png")
        self.picture.save(frame)
        settings = PropagatedSettings(
            edit=replace(self.edit, motion_lora=tuple(Path(path.name) for path in self.edit.motion_lora)),
            model=used,
            source=self.source,
            fit=self.fit,
            key_frames=(KeyFrameSettings(at=0, path=frame.name, sha256=file_hash(frame)),),
            motion_loras=tuple(file_hash(path) for path in self.edit.motion_lora),
        )
        with watching(self.fit.restore(edited), job.progress, "Writing") as watched:
            write_result(watched, str(path), settings)
        shown = self.workshop.folder_of(job) / "source.mp4"
        write_playable(replace(self.video, audio=None), shown)
        files = {"result": path, "settings": sidecar(path), "source": shown}
        return Outcome(files=files, facts=facts(Video.read(path)))
