"""A result beside its source: all metrics that can be computed, in one pass over the frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..video import Video
from .align import align
from .comparison import Comparison, Prompts, Tools
from .metric import Metric, Score, Unavailable
from .registry import METRICS


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came of a comparison."""

    scores: tuple[Score, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Metrics that couldn't be computed, and why."""
    notes: tuple[str, ...] = ()
    """How the videos were brought into line, if they had to be."""

    def __getitem__(self, key: str) -> float:
        """A number by its key: "psnr", "psnr_outside"."""
        return next(score.value for score in self.scores if score.key == key)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "scores": [score.as_dict() for score in self.scores],
            "left_out": dict(self.left_out),
            "notes": list(self.notes),
        }


def evaluate(
    source: Video,
    result: Video,
    *,
    prompts: Prompts | None = None,
    mask: Video | None = None,
    tools: Tools | None = None,
    metrics: Sequence[str] = tuple(METRICS),
) -> Report:
    """Measures a result. Memory doesn't grow with the length.

    Args:
        source: The video that was edited.
        result: What came of it.
        prompts: What they show; metrics of text need them.
        mask: White where the edit was meant to change the picture: one frame, or one for each frame.
        tools: CLIP and the flow estimator; no CLIP and DIS flow if not given.
        metrics: Names in `METRICS`.

    Raises:
        ValueError: if a metric is unknown, or the videos can't be compared.
    """
    aligned = align(source, result, mask)
    comparison = Comparison(
        source=aligned.source,
        result=aligned.result,
        given=(source, result),
        tools=tools or Tools(),
        prompts=prompts,
        mask=aligned.mask,
    )
    running, left_out = _started(comparison, metrics)
    for move in comparison.transitions():
        for metric in running:
            metric.update(move)
    scores = tuple(score for metric in running for score in metric.scores())
    return Report(scores=scores, left_out=left_out, notes=aligned.notes)


def _started(comparison: Comparison, names: Sequence[str]) -> tuple[list[Metric], dict[str, str]]:
    running, left_out = list[Metric](), dict[str, str]()
    for name in names:
        if name not in METRICS:
            raise ValueError(f"there is no metric {name!r}; choose from {', '.join(METRICS)}")
        try:
            running.append(METRICS[name](comparison))
        except Unavailable as reason:
            left_out[name] = str(reason)
    return running, left_out
