"""The tab that makes a clip from a prompt, freely or along the poses, edges or depth of a gallery."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import gradio as gr

from ..demo import CONTROLS, ControlClip
from ..methods import GENERATORS, METHODS, controlled_video
from ..settings import Trim
from .form import Form
from .jobs import Job
from .models import IMAGE
from .starting import again, on_run, started
from .widgets import PRIVATE, widget
from .workshop import Workshop

EMPTY = "Say what the clip should show. Nothing else is needed."
ALONG = "along"
"""Stands for the method that follows a clip of the gallery."""
FOLLOWS = "text2video-zero"
"""Its name among the methods."""
TITLES = {
    "text2video-zero": "From a prompt alone",
    ALONG: "Along poses, edges or depth",
    "tune-a-video": "With a motion learnt under Train",
}


@dataclass(frozen=True)
class GenerateTab:
    """The tab, and what its buttons do."""

    workshop: Workshop

    @cached_property
    def form(self) -> Form:
        """The generators' inputs, and those of the method that follows a clip."""
        shop = self.workshop
        kinds = {"text2video-zero": GENERATORS["text2video-zero"], ALONG: METHODS[FOLLOWS], **GENERATORS}
        adapters = lambda: list(shop.adapters())  # noqa: E731
        return Form("generate", kinds, shop.models.names(IMAGE), adapters=adapters, titles=TITLES)

    @property
    def learnt(self) -> Any:
        """Lists to be brought up to date when the page is opened."""
        return self.form.learnt

    def build(self) -> None:
        """Lays the tab out and connects it; call it in a `gr.Blocks`."""
        form = self.form
        with gr.Row(elem_classes="rs-page"):
            with gr.Column(scale=4, min_width=320, elem_classes="rs-controls"):
                form.build_head()
                with gr.Column(visible=False) as gallery:
                    chosen = widget("gallery", {}, clips=self._clips())
                form.build_prompts()
                form.build_rest()
                line = gr.HTML("", elem_classes="rs-estimate")
                run = gr.Button("Make the clip", variant="primary", elem_id="generate-run")
            with gr.Column(scale=7, min_width=320, elem_classes="rs-view"):
                stage = widget("stage", {}, events=("again",), tab="generate", empty=EMPTY)
        form.parts["method"].change(
            lambda method: [*form.chosen(method), gr.update(visible=method == ALONG)],
            form.parts["method"],
            [*form.shown, gallery],
            **PRIVATE,
        )
        on_run(run.click, self.run, [stage, chosen, *form.inputs], stage, line)
        on_run(stage.again, lambda stage: again(self.workshop, stage), [stage], stage, line)

    def run(self, stage: dict[str, Any], chosen: dict[str, Any], *values: Any) -> tuple[Any, Any]:
        """Puts the clip into the queue and shows it."""
        return started(stage, lambda: self._start((chosen or {}).get("clip"), values))

    def _start(self, clip: object, values: tuple[Any, ...]) -> Job:
        method, model, given = self.form.read(values)
        if method != ALONG:
            return self.workshop.generate(method, given, model)
        if clip not in CONTROLS:
            raise ValueError("choose a clip to follow first")
        control = CONTROLS[str(clip)]
        self._verify(control, model)
        source = self.workshop.sources.shipped(control.path)
        given["control"] = [control.control]
        trusted = {"control_video": str(control.path)}
        order = self.workshop.order(source.id, Trim(), FOLLOWS, given, model, trusted=trusted)
        return self.workshop.edit(order)

    def _verify(self, clip: ControlClip, model: str) -> None:
        """Says what to do where a model can't follow a clip; on the command line it is something else."""
        try:
            controlled_video.controlnet_for(clip.control, self.workshop.models.outline(model))
        except ValueError as error:
            kind = clip.title.partition(":")[0].lower()
            raise ValueError(
                f"{model} can't follow clips of this kind ({kind}); choose another clip, or another model, "
                "such as sd15"
            ) from error

    def _clips(self) -> list[dict[str, str]]:
        found = {name: self.workshop.sources.shipped(each.path) for name, each in CONTROLS.items()}
        return [
            {"name": name, "title": CONTROLS[name].title, "source": source.id}
            for name, source in found.items()
        ]
