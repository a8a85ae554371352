"""Numbers for edits: how like the source, how steady, how true to the prompt; one file for each of these."""

from typing import TYPE_CHECKING

from ..lazy import lazily
from .registry import METRICS

if TYPE_CHECKING:
    from .comparison import Prompts, Tools
    from .flow import DIS, RAFT, Flow, FrameFlow, KnownFlow
    from .metric import ARROWS, About, Metric, Score, Unavailable
    from .report import Report, evaluate
    from .scorers import CLIP, Scorer

_HOMES = {
    "comparison": ("Prompts", "Tools"),
    "flow": ("DIS", "RAFT", "Flow", "KnownFlow", "FrameFlow"),
    "metric": ("ARROWS", "About", "Metric", "Score", "Unavailable"),
    "report": ("Report", "evaluate"),
    "scorers": ("CLIP", "Scorer"),
}
"""Names by the file that they come from; imported when first used, so that `METRICS` tells names at once."""

__all__ = [
    "ARROWS",
    "CLIP",
    "DIS",
    "METRICS",
    "RAFT",
    "About",
    "Flow",
    "FrameFlow",
    "KnownFlow",
    "Metric",
    "Prompts",
    "Report",
    "Score",
    "Scorer",
    "Tools",
    "Unavailable",
    "evaluate",
]
__getattr__ = lazily(__name__, _HOMES)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
