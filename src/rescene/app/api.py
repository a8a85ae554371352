"""The same through Gradio's API, for `gradio_client`: edit, generate, and what an edit would cost.

The endpoints have components, which nobody sees, rather than types alone: that is what makes Gradio check
that a file which a client names is one that it uploaded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from ..fields import decode
from ..methods import METHODS
from ..runs import InputRefs, Trim
from ..runs.run import Prepared
from . import fields
from .errors import told
from .jobs import Job
from .workshop import Workshop

AT_ONCE = 16
"""Calls that may wait for their jobs; they hold a thread each."""


def add_api(workshop: Workshop) -> None:
    """Adds the endpoints; call it in a `gr.Blocks`."""

    def ordered(
        video: str, method: str, fields: dict[str, Any], model: str, trim: dict[str, Any]
    ) -> Prepared:
        clip = workshop.video(workshop.sources.copy(video).id, decode(Trim, trim or {}, name="trim"))
        return workshop.order(workshop.method("edit", method, fields or {}), model, InputRefs(video=clip))

    def edit(
        video: str, method: str, fields: dict[str, Any], model: str, trim: dict[str, Any]
    ) -> tuple[str, str]:
        """Edits a video, and returns the result and its settings."""
        with politely():
            return finished(workshop.start(ordered(video, method, fields, model, trim)))

    def plan(video: str, method: str, fields: dict[str, Any], model: str, trim: dict[str, Any]) -> str:
        """Says what an edit would cost."""
        with politely():
            return workshop.estimate(ordered(video, method, fields, model, trim))

    def generate(method: str, fields: dict[str, Any], model: str) -> tuple[str, str]:
        """Makes a clip, and returns it and its settings."""
        with politely():
            made = workshop.method("generate", method, fields or {})
            return finished(workshop.start(workshop.order(made, model)))

    with gr.Column(visible=False):
        video, trim = gr.File(label="video"), gr.JSON({}, label="trim")
        method, model = gr.Textbox(label="method"), gr.Textbox("mini", label="model")
        asked = gr.JSON(label="fields")
        line, about = gr.Textbox(label="plan"), gr.JSON(label="methods")
        result, settings = gr.File(label="result"), gr.File(label="settings")
        many: dict[str, Any] = {"concurrency_limit": AT_ONCE, "concurrency_id": "api"}
        order, made = [video, method, asked, model, trim], [result, settings]
        button = gr.Button()
        button.click(edit, order, made, api_name="edit", **many)
        button.click(plan, order, line, api_name="plan", **many)
        button.click(generate, [method, asked, model], made, api_name="generate", **many)
        button.click(methods_described, None, about, api_name="methods")


def methods_described() -> dict[str, Any]:
    """Lists the methods with their fields, defaults and help."""
    return {name: described(kind) for name, kind in METHODS["edit"].items()}


def finished(job: Job) -> tuple[str, str]:
    """Waits for a job; gives the result and its settings.

    Raises:
        ValueError: If it failed or was cancelled.
    """
    job.ended.wait()
    if job.outcome is None:
        raise ValueError(job.error or "the job was cancelled")
    return str(job.outcome.files["result"]), str(job.outcome.files["settings"])


@contextmanager
def politely() -> Iterator[None]:
    """A block in which errors become ones that Gradio passes on to the client."""
    try:
        yield
    except Exception as error:
        raise gr.Error(told(error), print_exception=False) from error


def described(kind: type) -> dict[str, Any]:
    """A method's fields."""
    return {
        field.name: {"default": field.default, "required": field.kind == "prompt", "help": field.help}
        for field in fields.inputs(kind)
    }
