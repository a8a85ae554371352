"""The tab that carries an edited first frame through a video (I2VEdit)."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import torch
from PIL import Image

from ..methods.i2vedit import I2VEdit
from ..settings import SourceSettings, file_hash, sidecar, write_result
from ..settings.propagated import KeyFrameSettings, PropagatedSettings
from ..typing import Frames
from ..video import Fit, Video
from ..video.watch import watching
from . import fields
from .edit import trim_of
from .form import Form
from .jobs import Job, Outcome
from .models import VIDEO
from .order import facts
from .showing import latent_preview, pixels, write_playable
from .starting import started
from .widgets import PRIVATE, widget
from .workshop import Workshop

EMPTY = "Drop a video. Its first frame appears on the left, to be painted on or replaced."
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
                picker = widget("picker", {}, examples=[])
                editor = gr.ImageEditor(
                    type="pil",
                    image_mode="RGB",
                    sources=["upload"],
                    label="The first frame",
                    elem_id="first-frame",
                )
                form.build_head()
                lora = gr.Dropdown(
                    ["", *self.workshop.loras()],
                    value="",
                    label="Motion",
                    info="What was learnt under Train.",
                )
                form.build_rest()
                line = gr.HTML("", elem_classes="rs-estimate")
                run = gr.Button("Carry it through", variant="primary", elem_id="propagate-run")
            with gr.Column(scale=7, min_width=320, elem_classes="rs-view"):
                stage = widget("stage", {}, tab="propagate", empty=EMPTY)
        picker.change(self.picked, picker, [stage, editor], **PRIVATE)
        run.click(self.run, [stage, editor, lora, *form.inputs], [stage, line], **PRIVATE)

    def picked(self, value: dict[str, Any]) -> tuple[dict[str, Any], Image.Image]:
        """Shows the video that was chosen, and its first frame."""
        source = self.workshop.sources.get((value.get("source") or {}).get("id"))
        return {"source": source.facts()}, pixels(Video.read(source.path, frames=1).frames[0])

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
        picture = (drawn or {}).get("composite")
        if picture is None:
            raise ValueError("edit the first frame first: paint on it, or upload another picture")
        video = Video.read(source.path, start=trim.start, end=trim.end)
        shape = self.workshop.models.outline(model)
        fit = Fit.to(video, area=shape.native_area, stride=shape.stride)
        first = fit.apply(covering(picture, video)).frames
        edit.segments(shape, fit.apply(video), [{0: first}])
        settings = SourceSettings(path=source.name, sha256=file_hash(source.path), trim=trim)
        carrying = Carrying(self.workshop, edit, video, fit, picture, settings)
        asked = {"source": source.id, "method": METHOD, "model": model, "fields": given}
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


def covering(picture: Image.Image, video: Video) -> Video:
    """A picture as a video of one frame of the size of `video`: scaled and cropped, where it has another."""
    scale = max(video.height / picture.height, video.width / picture.width)
    size = max(video.height, round(picture.height * scale)), max(video.width, round(picture.width * scale))
    return Video.of(frames_of(picture), video.fps).resize(*size).crop(video.height, video.width)


def frames_of(picture: Image.Image) -> Frames:
    """A picture as frames [1, 3, H, W]."""
    return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)[None].float() / 255
