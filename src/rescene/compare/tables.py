"""The tables of the page: metrics with the best marked, and settings with the differences first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..metrics import ARROWS, Report, Score

HIDDEN = frozenset({"versions", "fit"})
"""Settings that tell nothing about the choice between results."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A number of one result."""

    text: str
    best: bool


@dataclass(frozen=True, kw_only=True)
class MetricRow:
    """A metric over all results."""

    group: str
    title: str
    arrow: str
    better: str
    unit: str
    how: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, kw_only=True)
class SettingRow:
    """A setting over all results."""

    name: str
    values: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether all results share it."""
        return len(set(self.values)) == 1


def metric_rows(reports: Sequence[Report | None]) -> list[MetricRow]:
    """One row for each number that any of the reports has."""
    found = {score.key: score for report in reports if report for score in report.scores}
    return [_metric_row(key, score, reports) for key, score in found.items()]


def setting_rows(settings: Sequence[Mapping[str, Any]]) -> list[SettingRow]:
    """One row for each setting that any of the results has; those that differ come first."""
    flat = [dict(_flat(values)) for values in settings]
    names = dict.fromkeys(name for values in flat for name in values)
    rows = [SettingRow(name=name, values=tuple(values.get(name, "") for values in flat)) for name in names]
    return sorted(rows, key=lambda row: row.same)


def _metric_row(key: str, first: Score, reports: Sequence[Report | None]) -> MetricRow:
    about = first.about
    scores = [
        next((each for each in report.scores if each.key == key), None) if report else None
        for report in reports
    ]
    numbers = {score.value: score.text for score in scores if score}
    # With one result, or with ones that read alike, none is better.
    leads = about.better != "neither" and len(set(numbers.values())) > 1
    best = numbers[(max if about.better == "higher" else min)(numbers)] if leads else None
    return MetricRow(
        group=about.group,
        title=first.title,
        arrow=ARROWS[about.better],
        better=about.better,
        unit="" if about.unit == "yes or no" else about.unit,
        how="; ".join(dict.fromkeys(score.how for score in scores if score)),
        cells=tuple(
            Cell(text=score.text if score else "−", best=bool(score) and score.text == best)
            for score in scores
        ),
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings by their dotted names, as text; the method's fields by their own names."""
    rows: list[tuple[str, str]] = []
    for name, value in values.items():
        if not prefix and name in HIDDEN:
            continue
        inner = "" if not prefix and name == "fields" else f"{prefix}{name}."
        if isinstance(value, Mapping):
            rows += _flat(value, inner)
        elif value not in (None, [], ""):
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            rows.append((f"{prefix}{name}".replace("_", " "), text))
    return rows
