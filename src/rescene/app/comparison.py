"""The tab that puts results of one clip side by side: the page of `rescene compare`."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from ..fields import decode
from ..runs import Trim
from ..video import Video
from ..video.watch import watching
from .jobs import Job, Outcome
from .starting import started
from .widgets import PRIVATE, widget
from .workshop import Workshop

if TYPE_CHECKING:
    from ..compare import Compared

LANE = "comparisons"
"""They need no model, so they wait only for each other."""
MOST = 6


@dataclass(frozen=True)
class CompareTab:
    """The tab, and what its button does."""

    workshop: Workshop

    def build(self) -> None:
        """Lays the tab out and connects it; call it in a `gr.Blocks`."""
        chooser = widget("chooser", {}, events=("compare",))
        line = gr.HTML("", elem_classes="rs-estimate")
        chooser.compare(self.run, chooser, [chooser, line], **PRIVATE)

    def run(self, value: dict[str, Any] | None) -> tuple[Any, Any]:
        """Puts the comparison of the chosen results into the queue."""
        return started(value, lambda: self.workshop.jobs.submit(self.job((value or {}).get("chosen") or [])))

    def job(self, chosen: list[str]) -> Job:
        """The job that makes the page.

        Raises:
            ValueError: If the results aren't known, or were made from different frames.
        """
        jobs = [self.workshop.jobs.get(str(name)) for name in chosen[:MOST]]
        made = [job for job in jobs if job and job.outcome and "trim" in job.settings]
        if not made:
            raise ValueError("choose at least one result of an edit")
        if len({(job.settings["source"], json.dumps(job.settings["trim"])) for job in made}) > 1:
            raise ValueError("these results were made from different clips; choose those of one")
        source = self.workshop.sources.get(made[0].settings["source"])
        trim = decode(Trim, made[0].settings["trim"], name="trim")
        asked = {"source": source.id, "trim": made[0].settings["trim"]}

        def work(job: Job) -> Outcome:
            # Here, as it takes seconds, and the app opens without.
            from ..compare import page as compare_page

            video = Video.read(source.path, start=trim.start, end=trim.end, every=trim.every)
            entries = [result_of(each, video, job) for each in made]
            job.begin("Making the page")
            path = self.workshop.folder_of(job) / "comparison.html"
            path.write_text(compare_page(video, entries, title=source.name), encoding="utf-8")
            return Outcome(files={"page": path})

        return Job(title=f"Comparison of {len(made)}", lane=LANE, settings=asked, work=work)


def result_of(made: Job, source: Video, job: Job) -> "Compared":
    """A result with its settings and numbers."""
    from ..compare import Compared
    from ..metrics import Prompts, evaluate

    assert made.outcome
    video, asked = Video.read(made.outcome.files["result"]), made.settings
    fields = asked["fields"]
    prompts = Prompts(source=fields.get("source", ""), target=made.title) if fields.get("source") else None
    with watching(video, job.progress, f"Measuring {made.outcome.files['result'].stem}") as watched:
        report = evaluate(source, watched, prompts=prompts)
    settings = {"method": asked["method"], "fields": fields, "model": {"name": asked["model"]}}
    return Compared(name=made.outcome.files["result"].stem, video=video, settings=settings, report=report)
