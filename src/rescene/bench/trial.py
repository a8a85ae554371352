"""One row under one setting, and what came of it: a benchmark that was stopped goes on from such notes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..fields import encode
from ..metrics import About, Report, Score
from ..video.files import replacing


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One row under one setting, and what came of it."""

    row: str
    kind: str
    setting: str
    source: str
    target: str
    identity: str
    """Of all that decides the result: another identity is another result."""
    report: Report | None = None
    error: str | None = None
    """Why there is none."""
    made: Mapping[str, Any] = field(default_factory=dict)
    """The method and its fields."""

    def as_dict(self) -> dict[str, Any]:
        """The trial as JSON values."""
        plain = {
            name: getattr(self, name) for name in ("row", "kind", "setting", "source", "target", "identity")
        }
        numbers = {"error": self.error} if self.report is None else self.report.as_dict()
        return plain | {"made": encode(self.made)} | numbers

    def save(self, path: Path) -> None:
        """Writes the trial, whole or not at all."""
        text = json.dumps(self.as_dict() | {"abouts": _abouts(self.report)}, indent=2, ensure_ascii=False)
        with replacing(path, folder=False, room=len(text)) as place:
            place.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Trial | None":
        """Reads a trial; None if there is none, or another program has changed it."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            abouts = values.pop("abouts")
            report = None
            if "scores" in values:
                numbers = {name: values.pop(name) for name in ("scores", "left_out", "notes")}
                report = Report(
                    scores=tuple(_score(score, abouts) for score in numbers["scores"]),
                    left_out=numbers["left_out"],
                    notes=tuple(numbers["notes"]),
                )
            return cls(**values, report=report)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None


def _abouts(report: Report | None) -> dict[str, Any]:
    return {score.key: encode(score.about) for score in report.scores} if report else {}


def _score(values: Mapping[str, Any], abouts: Mapping[str, Any]) -> Score:
    part = values["part"]
    key = f"{values['metric']}_{part.replace(' ', '_')}" if part else values["metric"]
    return Score(about=About(**abouts[key]), value=values["value"], part=part, how=values["how"])
