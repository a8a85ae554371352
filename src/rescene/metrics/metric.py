"""What a metric is: words about it, an accumulator that sees each frame once, and the numbers.

With what most of them are made of: averages, and the checks of what they need.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from .comparison import Comparison, Transition
from .scorers import Scorer

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

    def update(self, move: Transition) -> None:
        """Takes in the next frame."""
        ...

    def scores(self) -> Iterable[Score]:
        """The numbers, after the last frame."""
        ...


class Averages:
    """Running averages by part."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = defaultdict(float)
        self._counts: dict[str, int] = defaultdict(int)

    def add(self, value: float, part: str = "") -> None:
        """Takes in one value."""
        self._sums[part] += float(value)
        self._counts[part] += 1

    def of(self, part: str = "") -> float:
        """The average of a part that has values."""
        return self._sums[part] / self._counts[part]

    def scores(self, about: About, how: str) -> list[Score]:
        """One score for each part that had values."""
        return [Score(about=about, value=self.of(part), part=part, how=how) for part in self._counts]


def check_length(comparison: Comparison) -> None:
    """Makes sure that something can move."""
    if len(comparison.result) < 2:
        raise Unavailable("it compares consecutive frames, and there is only one")


def scorer_of(comparison: Comparison) -> Scorer:
    """The scorer, for metrics that can't do without."""
    if comparison.tools.scorer is None:
        raise Unavailable(comparison.tools.missing)
    return comparison.tools.scorer
