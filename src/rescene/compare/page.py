"""One HTML file that shows results in step with their source: videos, differences, motion and numbers."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jinja2 import Environment, StrictUndefined

from ..metrics import Report
from ..video import Video
from .flow_view import FULL, FlowView
from .tables import metric_rows, setting_rows
from .timeline import in_step

LONGEST = 720
"""The longer side of videos on the page, in pixels; larger ones are reduced."""
GAIN = 4
"""Differences are shown so many times as strong."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """A result on the page."""

    name: str
    video: Video
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What made it, as its sidecar says."""
    report: Report | None = None


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A video on the page, as the template needs it."""

    name: str
    line: str
    """What stands below the name."""
    width: int
    height: int
    picture: str
    """The mp4 in base64."""
    flow: str


def page(source: Video, results: Sequence[Compared], *, title: str) -> str:
    """The page as text; everything it needs is in it, and it may load nothing else.

    Args:
        source: What was edited.
        results: What came of it.
        title: What the source is called.

    Raises:
        ValueError: if there are no results.
    """
    if not results:
        raise ValueError("there is nothing to compare; give at least one result")
    first, *others = in_step([source, *(result.video for result in results)])
    panels = [_panel("Source", _prompt(results, "source"), first)]
    for result, video in zip(results, others, strict=True):
        panels.append(_panel(result.name, _prompt([result], "target"), video))
    settings = setting_rows([result.settings for result in results])
    script = _part("page.js")
    return _template().render(
        title=title,
        fps=float(first.fps),
        frames=len(first),
        size=f"{source.width} × {source.height}",
        panels=panels,
        names=[result.name for result in results],
        groups=[(group, list(rows)) for group, rows in _grouped(results)],
        notes=list(dict.fromkeys(_notes(results))),
        different=[row for row in settings if not row.same],
        same=[row for row in settings if row.same],
        gain=GAIN,
        full=f"{100 * FULL:.0f}",
        script=script,
        style=style(),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def mp4(video: Video) -> str:
    """A video as base64 of an mp4 that browsers play: no sound, even sides, not too large."""
    scale = min(1.0, LONGEST / max(video.height, video.width))
    height, width = (max(2, 2 * round(side * scale / 2)) for side in (video.height, video.width))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        replace(video, audio=None).resize(height, width).write(path, source_type=None)
        return base64.b64encode(path.read_bytes()).decode()


def _panel(name: str, line: str, video: Video) -> Panel:
    return Panel(
        name=name,
        line=line,
        width=video.width,
        height=video.height,
        picture=mp4(video),
        flow=mp4(replace(video, clip=FlowView(video.clip))),
    )


def _prompt(results: Sequence[Compared], which: str) -> str:
    """The first prompt that is known."""
    prompts = (result.settings.get("fields", {}).get(which) for result in results)
    return next((str(prompt) for prompt in prompts if prompt), "")


def _grouped(results: Sequence[Compared]) -> Any:
    rows = metric_rows([result.report for result in results])
    groups = list(dict.fromkeys(row.group for row in rows))
    return groupby(sorted(rows, key=lambda row: groups.index(row.group)), key=lambda row: row.group)


def _notes(results: Sequence[Compared]) -> list[str]:
    """What has to be known about the numbers."""
    notes: list[str] = []
    for result in (result for result in results if result.report):
        assert result.report is not None
        notes += [f"{result.name}: {note}" for note in result.report.notes]
        reasons: dict[str, list[str]] = {}
        for name, reason in result.report.left_out.items():
            reasons.setdefault(reason, []).append(name)
        notes += [f"left out: {', '.join(names)} ({reason})" for reason, names in reasons.items()]
    return notes


def style() -> str:
    """The look of the pages, as CSS."""
    return _part("page.css")


@cache
def _part(name: str) -> str:
    return files("rescene.compare").joinpath(name).read_text(encoding="utf-8")


@cache
def _template() -> Any:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_part("page.html"))
