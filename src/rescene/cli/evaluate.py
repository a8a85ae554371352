"""`rescene evaluate`: numbers for results."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from tyro.conf import Positional

from ..fields import cell, encode
from .forms import parse
from .gauge import Gauge, MetricOptions
from .progress import Reporter, reporting

if TYPE_CHECKING:
    from ..metrics import Report, Score
    from .pairs import Pair


@dataclass(frozen=True, kw_only=True)
class EvaluateCommand:
    """Measure results against their sources.

    Prompts and the frames of the source that were edited are those in the result's settings, if it has them.
    """

    input: Positional[Path]
    """The source; a folder of sources; or a list (.csv, .json) of input, output, source, target and mask."""
    output: Positional[Path | None] = None
    """The result, or a folder of results with their sources' names."""
    source: str | None = None
    """What the source shows."""
    target: str | None = None
    """What the result should show."""
    mask: Path | None = None
    """A picture or video, white where something should change: inside and outside are measured apart."""
    options: MetricOptions = field(default_factory=MetricOptions)
    json: Path | None = None
    """Write everything into this file."""
    csv: Path | None = None
    """Write one row for each pair into this file."""
    overwrite: bool = False
    """Replace files that exist."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A pair and what came of it: a report, or the reason why there is none."""

    pair: "Pair"
    report: "Report | None" = None
    error: str | None = None


def main(arguments: Sequence[str]) -> None:
    """Runs the command.

    Raises:
        ValueError, OSError: for what is wrong, or if pairs of a list failed.
    """
    job = parse(EvaluateCommand, arguments, command="evaluate")
    from ..video.files import check_target, refuse_inputs
    from .pairs import Given, pairs

    for path in (job.json, job.csv):
        if path is not None:
            check_target(path, folder=False, overwrite=job.overwrite)
    listed = pairs(job.input, job.output, Given(source=job.source, target=job.target, mask=job.mask))
    read = [path for each in listed for path in (each.input, each.output, each.mask) if path]
    refuse_inputs(filter(None, (job.json, job.csv)), [job.input, *read])
    if job.json and job.json == job.csv:
        raise ValueError(f"--json and --csv both name {job.json}; give each a name for itself")
    if len(listed) == 1:
        listed[0].check()
    gauge = job.options.gauge()
    with reporting(as_json=False) as reporter:
        if len(listed) == 1:  # What is wrong with it ends the command.
            measured = [Measured(pair=listed[0], report=gauge.measure(listed[0], reporter))]
        else:
            measured = [_tried(pair, gauge, reporter) for pair in listed]
    _write(job, measured)
    _show(measured)
    if failed := [each for each in measured if each.error]:
        raise ValueError(f"{len(failed)} of {len(measured)} pairs could not be measured")


def _tried(pair: "Pair", gauge: Gauge, reporter: Reporter) -> Measured:
    try:
        return Measured(pair=pair, report=gauge.measure(pair, reporter))
    except (ValueError, OSError) as error:
        reporter.say(f"{pair.output}: {error}")
        return Measured(pair=pair, error=" ".join(str(error).split()))


def _write(job: EvaluateCommand, measured: Sequence[Measured]) -> None:
    from ..video.files import replacing

    for path, made in ((job.json, _json), (job.csv, _csv)):
        if path is not None:
            text = made(measured)
            with replacing(path, folder=False, room=len(text)) as place:
                place.write_text(text, encoding="utf-8")


def _json(measured: Sequence[Measured]) -> str:
    values = [
        encode(each.pair) | (each.report.as_dict() if each.report else {"error": each.error})
        for each in measured
    ]
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _csv(measured: Sequence[Measured]) -> str:
    rows: list[dict[str, Any]] = []
    for each in measured:
        scores = each.report.scores if each.report else ()
        row = {"input": each.pair.input, "output": each.pair.output, "error": each.error}
        rows.append(row | {score.key: score.value for score in scores})
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, dict.fromkeys(name for row in rows for name in row))
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _show(measured: Sequence[Measured]) -> None:
    console, reports = Console(highlight=False), [each.report for each in measured if each.report]
    if len(measured) == 1:
        console.print(_table_of_one(reports[0]))
    elif reports:
        console.print(_table_of_many(reports))
        console.print(f"{len(reports)} of {len(measured)} pairs were measured")
    for note in dict.fromkeys(note for report in reports for note in report.notes):
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    reasons: dict[str, dict[str, None]] = {}
    for name, reason in (item for report in reports for item in report.left_out.items()):
        reasons.setdefault(reason, {})[name] = None
    for reason, names in reasons.items():
        console.print(f"left out: {', '.join(names)} ({reason})", markup=False, soft_wrap=True)


def _table_of_one(report: "Report") -> Table:
    from ..metrics import ARROWS

    table = Table("metric", "", Column(justify="right"), "", "how", box=SIMPLE_HEAD)
    for score in report.scores:
        unit = "" if score.about.unit == "yes or no" else score.about.unit
        table.add_row(score.title, ARROWS[score.about.better], score.text, unit, escape(score.how))
    return table


def _table_of_many(reports: "Sequence[Report]") -> Table:
    from ..metrics import ARROWS

    columns = (Column(name, justify="right") for name in ("mean", "lowest", "highest", "pairs"))
    table = Table("metric", "", *columns, box=SIMPLE_HEAD)
    found: dict[str, list[Score]] = {}
    for score in (score for report in reports for score in report.scores):
        found.setdefault(score.key, []).append(score)
    for scores in found.values():
        first, values = scores[0], [score.value for score in scores]
        numbers = (replace(first, value=value).text for value in (mean(values), min(values), max(values)))
        if first.about.unit == "yes or no":
            numbers = f"{mean(values):.0%} yes", "", ""
        table.add_row(first.title, ARROWS[first.about.better], *numbers, str(len(values)))
    return table
