"""The numbers of a benchmark: means over rows, for each setting and kind, as Markdown, CSV and JSON."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Any

from ..fields import cell
from ..metrics import ARROWS, Score
from .trial import Trial

EVERY = "all"


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A number, averaged over rows."""

    score: Score
    """With the mean as its value."""
    count: int
    """Rows that have it."""

    @property
    def text(self) -> str:
        """As tables show it; of yes or no, the share of yes."""
        if self.score.about.unit == "yes or no":
            return f"{self.score.value:.0%}".replace("%", " %")
        return self.score.text


@dataclass(frozen=True, kw_only=True)
class Line:
    """One setting in the table of one kind."""

    setting: str
    rows: int
    failed: int
    means: dict[str, Mean]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The table of one kind of rows, or of all."""

    kind: str
    columns: tuple[Score, ...]
    """An example of each number, for titles, arrows and units."""
    lines: tuple[Line, ...]

    def best(self, key: str) -> str | None:
        """The text of the best number in a column; None where none is better."""
        found = [line.means[key] for line in self.lines if key in line.means]
        better = found[0].score.about.better if found else "neither"
        if better == "neither" or len({each.text for each in found}) < 2:
            return None
        return (max if better == "higher" else min)(found, key=lambda each: each.score.value).text


def summaries(trials: Sequence[Trial]) -> list[Summary]:
    """The table of all rows, then those of each kind if there are several."""
    kinds = list(dict.fromkeys(trial.kind for trial in trials))
    tables = [_summary(EVERY, trials)]
    if len(kinds) > 1:
        tables += [_summary(kind, [each for each in trials if each.kind == kind]) for kind in kinds]
    return tables


def markdown(tables: Sequence[Summary]) -> str:
    """The tables as Markdown, the best numbers bold."""
    return "\n".join(line for table in tables for line in _markdown(table))


def table_of(trials: Sequence[Trial]) -> str:
    """One line for each trial, as CSV."""
    rows: list[dict[str, Any]] = []
    for each in trials:
        texts = {
            name: getattr(each, name) for name in ("row", "kind", "setting", "source", "target", "error")
        }
        scores = each.report.scores if each.report else ()
        rows.append(texts | {score.key: score.value for score in scores})
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, dict.fromkeys(name for row in rows for name in row))
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def as_dict(tables: Sequence[Summary]) -> list[dict[str, Any]]:
    """The means as JSON values."""
    return [
        {
            "kind": table.kind,
            "setting": line.setting,
            "rows": line.rows,
            "failed": line.failed,
            "means": {key: {**each.score.as_dict(), "rows": each.count} for key, each in line.means.items()},
        }
        for table in tables
        for line in table.lines
    ]


def _summary(kind: str, trials: Sequence[Trial]) -> Summary:
    columns = {score.key: score for each in trials if each.report for score in each.report.scores}
    settings = dict.fromkeys(each.setting for each in trials)
    lines = [_line(name, [each for each in trials if each.setting == name]) for name in settings]
    return Summary(kind=kind, columns=tuple(columns.values()), lines=tuple(lines))


def _line(setting: str, trials: Sequence[Trial]) -> Line:
    found: dict[str, list[Score]] = {}
    for score in (score for each in trials if each.report for score in each.report.scores):
        found.setdefault(score.key, []).append(score)
    means = {
        key: Mean(score=replace(scores[0], value=mean(score.value for score in scores)), count=len(scores))
        for key, scores in found.items()
    }
    failed = sum(each.report is None for each in trials)
    return Line(setting=setting, rows=len(trials), failed=failed, means=means)


def _markdown(table: Summary) -> Iterator[str]:
    """One line for each number, the settings side by side."""
    yield f"### {table.kind or 'other'}: {max(line.rows for line in table.lines)} rows\n"
    yield "| |" + "".join(f" {line.setting} |" for line in table.lines)
    yield "|---|" + "--:|" * len(table.lines)
    for each in table.columns:
        texts = (line.means[each.key].text if each.key in line.means else "−" for line in table.lines)
        best = table.best(each.key)
        cells = (f" **{text}** |" if text == best else f" {text} |" for text in texts)
        yield f"| {f'{each.title} {ARROWS[each.about.better]}'.strip()}{_unit(each)} |" + "".join(cells)
    if any(line.failed for line in table.lines):
        yield "| Failed ↓ |" + "".join(f" {line.failed} |" for line in table.lines)
    yield ""


def _unit(score: Score) -> str:
    return "" if score.about.unit in ("", "yes or no") else f" ({score.about.unit})"
