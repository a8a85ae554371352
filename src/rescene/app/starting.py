"""What happens when a button starts a job: it is shown, or the line below the form says why not."""

from collections.abc import Callable
from html import escape
from secrets import randbelow
from typing import Any

import gradio as gr

from .errors import told
from .jobs import Job
from .widgets import PRIVATE
from .workshop import Workshop

WAIT = "() => '<p>Looking it over</p>'"
"""What the line says, in the browser, until the answer is there."""


def on_run(
    event: Any, work: Callable[..., tuple[Any, Any]], inputs: list[Any], stage: Any, line: Any
) -> None:
    """Connects a button's event with what starts a job."""
    event(None, None, line, js=WAIT, **PRIVATE)
    event(work, inputs, [stage, line], **PRIVATE)


def started(stage: dict[str, Any] | None, start: Callable[[], Job]) -> tuple[Any, Any]:
    """Starts a job; gives the stage's new value and the line."""
    try:
        job = start()
    except Exception as error:
        return gr.skip(), refusal(error)
    return {**(stage or {}), "job": job.id}, ""


def again(workshop: Workshop, stage: dict[str, Any]) -> tuple[Any, Any]:
    """Starts a job that was done before, with another seed."""

    def start() -> Job:
        job = workshop.jobs.get(str(stage.get("again")))
        if job is None or job.again is None:
            raise ValueError("this job isn't known here any more; fill in the form again")
        return job.again(randbelow(2**31))

    return started(stage, start)


def refusal(error: Exception) -> str:
    """What is wrong, as a line of the page."""
    return f'<p class="rs-wrong" role="alert">{escape(told(error))}</p>'
