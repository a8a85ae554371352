"""The tab that makes a clip from a prompt, freely or along the poses, edges or depth of a gallery."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import gradio as gr

from ..demo import CONTROLS, ControlClip
from ..methods import METHODS, Method, Text2VideoZeroRedraw
from ..methods.text2video_zero import redraw
from ..runs import FileRef, InputRefs, VideoRef
from .form import Form, titles_of
from .jobs import Job
from .starting import again, on_run, started
from .widgets import PRIVATE, widget
from .workshop import Workshop

EMPTY = "Say what the clip should show. Nothing else is needed."
ALONG = "along"
"""Stands for the method that follows a clip of the gallery."""
ALONG_TITLE = "Along poses, edges or depth"


@dataclass(frozen=True)
class GenerateTab:
    """The tab, and what its buttons do."""

    workshop: Workshop

    @cached_property
    def form(self) -> Form:
        """The generators' inputs, and those of the method that follows a clip."""
        shop, generators = self.workshop, METHODS["generate"]
        first = next(iter(generators))
        kinds: dict[str, type[Method]] = {first: generators[first], ALONG: Text2VideoZeroRedraw, **generators}
        return Form(
            "generate",
            kinds,
            shop.models.names(*(kind.needs for kind in kinds.values())),
            {**titles_of(kinds), ALONG: ALONG_TITLE},
            adapters=lambda: list(shop.adapters()),
        )

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
        shop, (method, model, given) = self.workshop, self.form.read(values)
        if method != ALONG:
            return shop.start(shop.order(shop.method("generate", method, given), model))
        if clip not in CONTROLS:
            raise ValueError("choose a clip to follow first")
        control = CONTROLS[str(clip)]
        self._check(control, model)
        made = shop.method("edit", Text2VideoZeroRedraw.name, {**given, "control": [control.control]})
        source = str(shop.sources.shipped(control.path).path)
        inputs = InputRefs(video=VideoRef(path=source), control=FileRef(path=source))
        return shop.start(shop.order(made, model, inputs))

    def _check(self, clip: ControlClip, model: str) -> None:
        """Says what to do where a model can't follow a clip; on the command line it is something else."""
        try:
            redraw.controlnet_for(clip.control, self.workshop.models.outline(model))
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
