"""The tab that carries an edited first frame through a video (I2VEdit)."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import gradio as gr

from ..demo import CLIP
from ..methods import METHODS
from ..runs import InputRefs, KeyFrameRef
from ..runs.run import Prepared
from .first_frame import first_frame, frame_editor, painted
from .form import Form, titles_of
from .starting import on_run, started
from .trims import trim_of
from .widgets import PRIVATE, widget
from .workshop import Workshop

EMPTY = "Drop a video. Then paint on its first frame, or replace it, and the video follows."


@dataclass(frozen=True)
class PropagateTab:
    """The tab, and what its buttons do."""

    workshop: Workshop

    @cached_property
    def form(self) -> Form:
        """The methods' inputs."""
        kinds = METHODS["propagate"]
        models = self.workshop.models.names(*(kind.needs for kind in kinds.values()))
        return Form("propagate", kinds, models, titles_of(kinds))

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
        shop = self.workshop
        return started(stage, lambda: shop.start(self.ordered(stage or {}, drawn, lora, values)))

    def ordered(
        self, stage: dict[str, Any], drawn: dict[str, Any] | None, lora: str, values: tuple[Any, ...]
    ) -> Prepared:
        """The propagation that the inputs describe.

        Raises:
            ValueError: For what is wrong with it.
        """
        shop, (method, model, given) = self.workshop, self.form.read(values)
        edit = shop.method("propagate", method, given)
        if lora:
            if lora not in shop.loras():
                raise ValueError(f"there is no motion {lora[:60]!r}; choose one, or make one under Train")
            edit = replace(edit, motion_lora=(shop.loras()[lora],))  # pyright: ignore[reportCallIssue]
        video = shop.video((stage.get("source") or {}).get("id"), trim_of(stage))
        picture = painted(drawn)
        if picture is None:
            raise ValueError("edit the first frame first: paint on it, or upload another picture")
        frame = KeyFrameRef(at=0, path=str(shop.keep(picture)))
        return shop.order(edit, model, InputRefs(video=video, key_frames=(frame,), cover=True))
