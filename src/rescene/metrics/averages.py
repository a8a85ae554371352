"""Averages that grow frame by frame, one for each part of the picture."""

from collections import defaultdict

from .metric import About, Score


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
