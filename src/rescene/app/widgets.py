"""Gradio components: parts of the page with JavaScript of their own, and inputs for methods' fields."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

import gradio as gr

from .fields import MOVE, Input

SCRIPTS = (
    "core.js",
    "player.js",
    "timeline.js",
    "stage.js",
    "picker.js",
    "words.js",
    "gallery.js",
    "chooser.js",
)
PRIVATE: Any = {"api_visibility": "private", "show_progress": "hidden"}
"""For events that belong to the page, and not to its API."""


@cache
def asset(name: str) -> str:
    """A file of `assets/`."""
    return files("rescene.app").joinpath("assets", name).read_text(encoding="utf-8")


def head() -> str:
    """What the page's head holds: all scripts, so that nothing is fetched from elsewhere."""
    return f"<script>{''.join(map(asset, SCRIPTS))}</script>"


def widget(name: str, value: Any = None, *, events: tuple[str, ...] = (), **settings: Any) -> gr.HTML:
    """A part of the page that `rescene.<name>` of the scripts draws.

    Args:
        name: The function.
        value: What it shows; the script may change it.
        events: Names of its own events.
        settings: Further arguments of the function.
    """
    given = "".join(f", {key}: {json.dumps(item)}" for key, item in settings.items())
    # Gradio offers the events whose quoted names it finds in the script.
    named = "".join(f"/* '{event}' */ " for event in events)
    script = f"{named}rescene.{name}({{ element, props, trigger, watch{given} }});"
    return gr.HTML(
        value,
        html_template="<div></div>",
        js_on_load=script,
        apply_default_css=False,
        elem_classes=[f"rs-{name}"],
    )


def component(field: Input, value: Any = None, **more: Any) -> Any:
    """The Gradio component for a field, with its docstring as help."""
    about: dict[str, Any] = {"label": field.label, "info": field.info, **more}
    shown = field.shown(field.default if value is None else value)
    if field.is_written and field.kind != "prompt":
        return gr.Textbox(shown, placeholder="as usual" if field.optional else None, **about)
    match field.kind:
        case "prompt":
            return gr.Textbox(shown, lines=2, max_lines=4, **about)
        case "switch":
            return gr.Checkbox(shown, **about)
        case "choice":
            return gr.Dropdown(list(field.choices), value=shown, **about)
        case "choices":
            return gr.CheckboxGroup(list(field.choices), value=shown, **about)
        case "slider":
            return gr.Slider(*field.ends, value=shown, step=MOVE, **about)
        case "whole":
            return gr.Number(shown, precision=0, **about)
        case "number":
            return gr.Number(shown, **about)
        case "adapter":
            choices = ["", *about.pop("choices", [])]
            return gr.Dropdown(choices, value="", allow_custom_value=True, **about)
        case _:
            return gr.Textbox(shown, **about)
