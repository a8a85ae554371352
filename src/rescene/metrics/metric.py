"""What a metric is: words about it, an accumulator that sees each frame once, and the numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from .comparison import Comparison, Step

Better = Literal["higher", "lower", "neither"]
ARROWS: dict[Better, str] = {"higher": "↑", "lower": "↓", "neither": ""}
"""Which way is better, as tables show it."""
Group = Literal[
    "likeness to the truth", "likeness to the source", "motion and steadiness", "prompts", "format", "cost"
]


@dataclass(frozen=True, kw_only=True)
class About:
    """A metric in words; the formula, the range and the source are in the docstring of its class."""

    name: str
    """The key in `METRICS`, in files and on the command line."""
    title: str
    """What people call it."""
    group: Group
    better: Better
    unit: str = ""
    asks_scorer: bool = False
    """Whether it can't be computed without a `Scorer`."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """One number, with all that is needed to read it."""

    about: About
    value: float
    part: str = ""
    """What it was computed for, if not for the whole picture: "inside" or "outside" the mask, "source"."""
    how: str = ""
    """Choices that decide the number: model, flow, averages."""

    @property
    def key(self) -> str:
        """The name of its column: the metric, and the part if there is one."""
        return f"{self.about.name}_{self.part.replace(' ', '_')}" if self.part else self.about.name

    @property
    def title(self) -> str:
        """The name for people, with the part."""
        return f"{self.about.title}, {self.part}" if self.part else self.about.title

    @property
    def text(self) -> str:
        """The number as it should be shown, without the unit."""
        if self.about.unit == "yes or no":
            return "yes" if self.value else "no"
        size = abs(self.value)
        return f"{self.value:.{1 if size >= 100 else 2 if size >= 10 else 3}f}"

    def as_dict(self) -> dict[str, Any]:
        """The score as JSON values."""
        about = self.about
        return {
            "metric": about.name,
            "part": self.part,
            "value": self.value,
            "unit": about.unit,
            "better": about.better,
            "how": self.how,
        }


class Unavailable(ValueError):  # noqa: N818
    """A metric can't be computed for this comparison or on this machine; the others can."""


@runtime_checkable
class Metric(Protocol):
    """Measures one comparison. It keeps sums, not frames, so that memory doesn't grow with the length."""

    about: ClassVar[About]

    def __init__(self, comparison: Comparison) -> None:
        """Looks for what is missing.

        Raises:
            Unavailable: if this metric can't be computed.
        """
        ...

    def update(self, step: Step) -> None:
        """Takes in the next frame."""
        ...

    def scores(self) -> Iterable[Score]:
        """The numbers, after the last frame."""
        ...
