"""`rescene bench`: methods and settings, run over many edits and measured."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table
from tyro.conf import Positional

from ..fields import unknown
from ..progress import quiet
from ..runs import Trim
from .forms import parse
from .gauge import Gauge, MetricOptions
from .options import ModelOptions
from .progress import Reporter, reporting

if TYPE_CHECKING:
    from ..bench import Bench, FileRow, Row, Setting, Trial, WorldRow
    from ..bench.tables import Summary

OWN = ("clips", "records", "results", "pages")


@dataclass(frozen=True, kw_only=True)
class BenchCommand:
    """Run methods over many edits, measure them, and make tables and pages.

    Without a list, on 48 scenes of the rendered world, where the right answers are known. Run it again with
    the same folder to go on where it was stopped: what is there and still holds isn't computed again.
    """

    output: Positional[Path]
    """The folder for results, tables and pages."""
    rows: Path | None = None
    """A list of edits (.csv, .json): TGVE's, DAVIS-Edit's or FiVE's, or one with clip, source and target."""
    methods: tuple[str, ...] = ()
    """Methods to run as they are, such as nothing sdedit ddim fatezero."""
    settings: Path | None = None
    """A YAML file of methods and their settings (docs/quality.md)."""
    kinds: tuple[str, ...] = ()
    """Take only edits of these kinds, such as colour style; all if none is given."""
    limit: int | None = None
    """Take only the first so many edits of each kind."""
    trim: Trim = field(default_factory=Trim)
    size: str | None = None
    """Size to work at, as in `rescene edit`."""
    model: ModelOptions = field(default_factory=ModelOptions)
    measures: MetricOptions = field(default_factory=MetricOptions)


def main(arguments: Sequence[str]) -> None:
    """Runs the command.

    Raises:
        ValueError, OSError: for what is wrong, or if rows failed.
    """
    job = parse(BenchCommand, arguments, command="bench")
    from ..bench import Bench
    from ..metrics import Tools
    from .host import hide_library_bars

    _check_folder(job.output)
    job.measures.names()
    settings, rows = _settings(job), _rows(job)
    # The rendered world needs no models to measure: it has its truth.
    gauge = job.measures.gauge() if job.rows else Gauge(names=(), tools=Tools())
    bench = Bench(
        folder=job.output, model=job.model.ref, tools=gauge.tools, metrics=gauge.names, size=job.size
    )
    hide_library_bars()
    bench.host.load(bench.model)
    with reporting(as_json=False) as reporter:
        trials = _run(bench, rows, settings, reporter)
    _finish(job, rows, trials)


def _run(
    bench: "Bench", rows: "Sequence[Row]", settings: "Sequence[Setting]", reporter: Reporter
) -> "list[Trial]":
    """Runs every row under every setting; each row's page is made as soon as its results are there."""
    from ..bench import results

    trials: list[Trial] = []
    total = len(rows) * len(settings)
    ran = results(bench, rows, settings, quiet)
    for row, trial in reporter.progress(ran, description="Benchmark", total=total):
        trials.append(trial)
        if trial.error:
            reporter.say(f"{row.name}, {trial.setting}: {trial.error}")
        if len(trials) % len(settings) == 0:
            _show_row(bench, row, settings, trials[-len(settings) :], reporter)
    return trials


def _show_row(
    bench: "Bench", row: "Row", settings: "Sequence[Setting]", trials: "Sequence[Trial]", reporter: Reporter
) -> None:
    """Makes the page of a row, unless it is newer than all results."""
    from ..bench.pages import row_page, write

    path = bench.folder / "pages" / f"{row.name}.html"
    videos = {setting.name: bench.video(row, setting) for setting in settings}
    newest = max((video.stat().st_mtime for video in videos.values() if video.exists()), default=0.0)
    if path.exists() and path.stat().st_mtime > newest:
        return
    try:
        text = row_page(row, trials, videos)
    except (ValueError, OSError) as error:
        reporter.say(f"{row.name}: no page ({error})")
        return
    if text is not None:
        write(path, text)


def _finish(job: BenchCommand, rows: "Sequence[Row]", trials: "Sequence[Trial]") -> None:
    """Writes and prints the tables."""
    from ..bench.pages import index_page, write
    from ..bench.tables import as_dict, markdown, summaries, table_of

    tables, title = summaries(trials), job.rows.stem if job.rows else "The rendered world"
    values = {"summary": as_dict(tables), "rows": [trial.as_dict() for trial in trials]}
    texts = {
        "results.json": json.dumps(values, indent=2, ensure_ascii=False) + "\n",
        "results.csv": table_of(trials),
        "table.md": markdown(tables),
        "index.html": index_page(tables, rows, trials, title=title),
    }
    for name, text in texts.items():
        write(job.output / name, text)
    _print(tables[0])
    print(job.output / "index.html")
    if failed := [trial for trial in trials if trial.error]:
        raise ValueError(
            f"{len(failed)} of {len(trials)} results could not be made; run it again to retry them"
        )


def _print(every: "Summary") -> None:
    """The table of all rows, settings side by side."""
    from ..metrics import ARROWS

    columns = (Column(line.setting, justify="right") for line in every.lines)
    table = Table(
        f"means of {max(line.rows for line in every.lines)} rows", "", *columns, "", box=SIMPLE_HEAD
    )
    for each in every.columns:
        unit = "" if each.about.unit == "yes or no" else each.about.unit
        cells = (line.means[each.key].text if each.key in line.means else "−" for line in every.lines)
        table.add_row(each.title, ARROWS[each.about.better], *cells, unit)
    table.add_row("Failed", "↓", *(str(line.failed) for line in every.lines), "")
    Console(highlight=False).print(table)


def _settings(job: BenchCommand) -> "list[Setting]":
    from ..bench import read_settings, settings_of, world_settings

    if job.methods and job.settings:
        raise ValueError("--methods and --settings both say what to run; give one of them")
    if job.settings:
        return read_settings(job.settings)
    if job.methods:
        return settings_of(job.methods)
    if job.rows:
        raise ValueError("say what to run: --methods fatezero tokenflow, or a file with --settings")
    return world_settings()


def _rows(job: BenchCommand) -> "list[Row]":
    from ..bench import read_rows, world_rows
    from ..bench.world import FRAMES

    if job.limit is not None and job.limit < 1:
        raise ValueError(f"--limit is {job.limit}; it must be at least 1")
    listed: list[WorldRow] | list[FileRow]
    if job.rows is None:
        frames = FRAMES if job.trim.frames is None else job.trim.frames
        if replace(job.trim, frames=None) != Trim():
            raise ValueError(
                "scenes of the rendered world are rendered at the length of --frames; --start, --end and "
                "--every are for lists"
            )
        listed = world_rows(job.output / "clips", frames)
    else:
        listed = [replace(row, trim=job.trim) for row in read_rows(job.rows)]
    known = {row.kind for row in listed}
    for kind in job.kinds:
        if kind not in known:
            raise ValueError(unknown(kind, sorted(known), name="--kinds"))
    counts: dict[str, int] = {}
    rows: list[Row] = []
    for row in listed:
        counts[row.kind] = counts.get(row.kind, 0) + 1
        if row.kind in (job.kinds or known) and (job.limit is None or counts[row.kind] <= job.limit):
            rows.append(row)
    return rows


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder} is a file; name a folder for the results")
    if (
        folder.is_dir()
        and (found := list(folder.iterdir()))
        and not any((folder / own).exists() for own in OWN)
    ):
        raise FileExistsError(f"{folder} holds other things ({found[0].name}); name a folder of its own")
