"""An edit that was asked for, and what its result tells of it."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..inputs import Fit
from ..methods import Method
from ..settings import Trim
from ..video import Video
from . import fields
from .pace import PASSES, Work
from .sources import Source


@dataclass(frozen=True, kw_only=True)
class Order:
    """An edit that was asked for, with everything found out that shows without computing."""

    source: Source
    trim: Trim
    method: str
    edit: Method
    model: str
    video: Video
    fit: Fit
    plan: Any
    """What `methods.plan` says; None for methods that it knows nothing about."""

    @property
    def work(self) -> Work:
        """How much it is to compute."""
        known = getattr(self.plan, "evaluations", None)
        if isinstance(known, Mapping):
            known = known[self.edit.store]  # pyright: ignore
        evaluations = known or PASSES * len(self.video) * getattr(self.edit, "num_inference_steps", 1)
        return Work(method=self.method, model=self.model, evaluations=evaluations, size=self.fit.size)


def facts(video: Video) -> str:
    """A line about a clip."""
    return f"{len(video)} frames · {float(video.fps):g} fps · {video.width} × {video.height}"


def reseeded(made: Any, seed: int) -> Any:
    """The same method with another seed."""
    return replace(made, seed=seed)


def noted(made: Any) -> Any:
    """A method as its result's settings tell of it: files by their names alone.

    What was trained here lies beside the result, and is noted so when that is written.
    """
    local = {field.name for field in dataclasses.fields(made)} - {
        each.name for each in fields.inputs(type(made))
    }
    values = {name: getattr(made, name) for name in local}
    named = {
        name: type(value)(Path(value).name)
        for name, value in values.items()
        if isinstance(value, str | Path) and Path(value).is_absolute()
    }
    return replace(made, **named)
