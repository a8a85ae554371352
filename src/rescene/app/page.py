"""The page: its tabs and its looks."""

from typing import Any

import gradio as gr

from .api import add_api
from .comparison import CompareTab
from .edit import EditTab
from .generate import GenerateTab
from .propagate import PropagateTab
from .training import TrainTab
from .widgets import PRIVATE, asset, head
from .workshop import Workshop

TABS = {
    "Edit": EditTab,
    "Generate": GenerateTab,
    "Propagate": PropagateTab,
    "Train": TrainTab,
    "Compare": CompareTab,
}
SANS = ("Inter", "Helvetica Neue", "system-ui", "sans-serif")
MONO = ("ui-monospace", "Menlo", "monospace")


def page(workshop: Workshop) -> gr.Blocks:
    """Everything on one page."""
    with gr.Blocks(title="rescene", analytics_enabled=False, fill_width=True) as blocks:
        gr.HTML(asset("header.html"), elem_classes="rs-header", apply_default_css=False)
        learnt: dict[Any, Any] = {}
        opened: list[Any] = [blocks.load]
        with gr.Tabs(elem_classes="rs-tabs"):
            for name, tab in TABS.items():
                made = tab(workshop)
                with gr.Tab(name, id=name.lower()) as opening:
                    made.build()
                opened.append(opening.select)
                learnt |= getattr(made, "learnt", {})
        add_api(workshop)
        offer = lambda: [gr.update(choices=["", *names()]) for names in learnt.values()]  # noqa: E731
        gr.on(opened, offer, outputs=list(learnt), **PRIVATE)
    blocks.queue(default_concurrency_limit=8)
    return blocks


def looks() -> dict[str, Any]:
    """How the page looks, for `launch`."""
    fonts: list[Any] = [[gr.themes.Font(name) for name in names] for names in (SANS, MONO)]
    theme = gr.themes.Base(font=fonts[0], font_mono=fonts[1], radius_size="sm")
    return {"theme": theme, "css": asset("page.css"), "head": head()}
