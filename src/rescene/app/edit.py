"""The tab that edits a video."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from html import escape
from typing import Any

import gradio as gr

from ..demo import CLIP, EXAMPLES
from ..fields import encode
from ..methods import METHODS, Balance
from ..runs import InputRefs
from ..runs.run import Prepared
from . import balance
from .errors import told
from .form import Form, titles_of
from .starting import again, on_run, started
from .trims import trim_of
from .widgets import PRIVATE, widget
from .workshop import Workshop

EMPTY = "Drop a video, or take one of the examples."


@dataclass(frozen=True)
class EditTab:
    """The tab, and what its buttons do. `values` are those of the stage and of the form's inputs."""

    workshop: Workshop

    @cached_property
    def form(self) -> Form:
        """The methods' inputs."""
        shop, kinds = self.workshop, METHODS["edit"]
        models = shop.models.names(*(kind.needs for kind in kinds.values()))
        return Form("edit", kinds, models, titles_of(kinds), adapters=lambda: list(shop.adapters()))

    @cached_property
    def balances(self) -> dict[str, Balance]:
        """The sliders of the methods that have one."""
        return {name: kind.balance for name, kind in METHODS["edit"].items() if kind.balance}

    @cached_property
    def parts(self) -> dict[str, Any]:
        """The other components by what they are."""
        return {}

    @property
    def learnt(self) -> Any:
        """Lists to be brought up to date when the page is opened."""
        return self.form.learnt

    def build(self) -> None:
        """Lays the tab out and connects it; call it in a `gr.Blocks`."""
        with gr.Row(elem_classes="rs-page"):
            with gr.Column(scale=4, min_width=320, elem_classes="rs-controls"):
                self._build_controls()
            with gr.Column(scale=7, min_width=320, elem_classes="rs-view"):
                self.parts["stage"] = widget("stage", {}, events=("again",), tab="edit", empty=EMPTY)
        self._connect()

    def _build_controls(self) -> None:
        form, parts = self.form, self.parts
        parts["picker"] = widget("picker", {}, examples=self._examples())
        form.build_head()
        form.build_prompts()
        parts["words"] = widget("words", {}, boxes={"source": "#edit-source", "target": "#edit-target"})
        parts["balance"] = gr.Slider(
            0,
            100,
            balance.DEFAULT,
            step=1,
            label="Keep the source, or follow the text",
            buttons=[],
            elem_classes="rs-balance",
            elem_id="edit-balance",
            visible=form.first in self.balances,
        )
        form.build_rest()
        parts["estimate"] = gr.HTML("", elem_classes="rs-estimate")
        parts["run"] = gr.Button("Edit the video", variant="primary", elem_id="edit-run")

    def _examples(self) -> list[dict[str, str]]:
        source = self.workshop.sources.shipped(CLIP).id
        return [
            {"name": name, "title": changes(example.source, example.target), "source": source}
            for name, example in EXAMPLES.items()
        ]

    def _connect(self) -> None:
        form, parts = self.form, self.parts
        stage, everything = parts["stage"], [parts["stage"], *form.inputs]
        shown = [parts["balance"], parts["words"]]
        parts["picker"].change(self.picked, parts["picker"], [*everything, *shown], **PRIVATE)
        form.parts["method"].change(self.chosen, form.inputs, [*form.shown, *shown], **PRIVATE)
        ends = [(method, name) for method, moved in self.balances.items() for name in moved.ends]
        parts["balance"].input(
            lambda method, position: self.balanced(method, position, ends),
            [form.parts["method"], parts["balance"]],
            [form.parts[f"{method} {name}"] for method, name in ends],
            **PRIVATE,
        )
        changes = [each.change for each in everything]
        gr.on(changes, self.estimated, everything, parts["estimate"], trigger_mode="always_last", **PRIVATE)
        on_run(parts["run"].click, self.run, everything, stage, parts["estimate"])
        on_run(stage.again, lambda stage: again(self.workshop, stage), [stage], stage, parts["estimate"])

    def picked(self, value: dict[str, Any]) -> list[Any]:
        """Shows a video that was chosen; an example also fills in the form."""
        if source := value.get("source"):
            stage = {"source": self.workshop.sources.get(source.get("id")).facts()}
            return [stage, *[gr.skip()] * (len(self.form.inputs) + 2)]
        example = EXAMPLES[str(value["example"])]
        method, given = example.name, encode(example)
        stage = {"source": self.workshop.sources.shipped(CLIP).facts()}
        words = {"source": given.get("source", ""), "target": given.get("target", "")}
        position = self._position(method, given)
        return [stage, *self.form.filled(method, given), position, words]

    def chosen(self, method: str, *values: Any) -> list[Any]:
        """Shows the inputs of the method that was chosen."""
        names = {each.name for each in self.form.fields[method]}
        texts = dict(zip(self.form.prompts, values[2:], strict=False))
        words = texts if {"source", "target"} <= names else {}
        given = {
            name: value
            for (owner, name), value in zip(
                self.form.advanced, values[2 + len(self.form.prompts) :], strict=True
            )
            if owner == method
        }
        slider = gr.update(visible=method in self.balances, value=self._position(method, given))
        return [*self.form.chosen(method), slider, words]

    def balanced(self, method: str, position: float, ends: list[tuple[str, str]]) -> list[Any]:
        """Moves the fields that the slider stands for."""
        moved = balance.fields_at(self.balances.get(method), position, self.form.defaults(method))
        return [moved[name] if owner == method else gr.skip() for owner, name in ends]

    def estimated(self, *values: Any) -> str:
        """A line about what the edit will cost, or what is missing."""
        if not (values[0] or {}).get("source"):
            return ""
        try:
            return f"<p>{escape(self.workshop.estimate(self.ordered(values)))}</p>"
        except Exception as error:  # Not yet a mistake: the form is being filled in.
            return f"<p>{escape(told(error))}</p>"

    def run(self, *values: Any) -> tuple[Any, Any]:
        """Puts the edit into the queue and shows it."""
        return started(values[0], lambda: self.workshop.start(self.ordered(values)))

    def ordered(self, values: tuple[Any, ...]) -> Prepared:
        """The edit that the inputs describe.

        Raises:
            ValueError: For what is wrong with it.
        """
        stage, *rest = values
        method, model, given = self.form.read(rest)
        source = ((stage or {}).get("source") or {}).get("id")
        video = self.workshop.video(source, trim_of(stage or {}))
        made = self.workshop.method("edit", method, given)
        return self.workshop.order(made, model, InputRefs(video=video))

    def _position(self, method: str, values: Mapping[str, Any]) -> float:
        return balance.position_of(self.balances.get(method), values, self.form.defaults(method))


def changes(source: str, target: str) -> str:
    """What an edit changes, in few words: `red → green`, or what it adds."""
    old, new = source.split(), target.replace(",", "").split()
    found = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    pairs = [(old[a:b], new[c:d]) for tag, a, b, c, d in found if tag != "equal"]
    return ", ".join(" → ".join(" ".join(words) for words in pair if words) for pair in pairs)
