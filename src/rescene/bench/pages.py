"""The benchmark as pages: tables with a list of rows; each row's source, truth and results in step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from ..compare import Compared, page, style
from ..metrics import ARROWS
from ..video import Video
from ..video.files import replacing
from .row import Row, source_of
from .tables import Summary
from .trial import Trial


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A row in the list."""

    name: str
    kind: str
    source: str
    target: str
    marks: tuple[str, ...]
    """How each setting did: yes, no, done or failed."""


def row_page(row: Row, trials: Sequence[Trial], videos: Mapping[str, Path]) -> str | None:
    """The page of a row: its source, the truth if there is one, and the results; None if all failed.

    Args:
        row: The row.
        trials: What came of it.
        videos: The results' files, by setting.
    """
    source, truth = source_of(row, hold=False), row.truth()
    prompts = {"source": row.source, "target": row.target}
    shown = [Compared(name="Truth", video=truth, settings={"fields": prompts})] if truth else []
    for trial in trials:
        if trial.report:
            made = dict(trial.made) | {"fields": {**prompts, **trial.made.get("fields", {})}}
            video = Video.read(videos[trial.setting])
            shown.append(Compared(name=trial.setting, video=video, settings=made, report=trial.report))
    return page(source, shown, title=row.name) if len(shown) > bool(truth) else None


def index_page(tables: Sequence[Summary], rows: Sequence[Row], trials: Sequence[Trial], *, title: str) -> str:
    """The page with the tables, which links those of the rows."""
    settings = list(dict.fromkeys(trial.setting for trial in trials))
    found = {(trial.row, trial.setting): trial for trial in trials}
    entries = [
        Entry(
            name=row.name,
            kind=row.kind,
            source=row.source,
            target=row.target,
            marks=tuple(_mark(found[row.name, setting]) for setting in settings),
        )
        for row in rows
    ]
    hows = {score.title: score.how for table in tables for score in table.columns if score.how}
    return _template().render(
        title=title,
        tables=tables,
        arrows=ARROWS,
        settings=settings,
        entries=entries,
        hows=hows,
        errors=[trial for trial in trials if trial.error],
        style=style(),
    )


def write(path: Path, text: str) -> None:
    """Writes a text file, whole or not at all."""
    with replacing(path, folder=False, room=len(text)) as place:
        place.write_text(text, encoding="utf-8")


def _mark(trial: Trial) -> str:
    if trial.report is None:
        return "failed"
    success = next((score for score in trial.report.scores if score.key == "success"), None)
    return "done" if success is None else success.text


@cache
def _template() -> Any:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(files("rescene.bench").joinpath("index.html").read_text(encoding="utf-8"))
