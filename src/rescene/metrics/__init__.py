"""Numbers for edits: each metric is one file, with its formula, range, direction and source."""

from .clip import CLIP
from .comparison import Prompts, Tools
from .evaluate import Report, evaluate
from .flow import DIS, Flow, KnownFlow, Motion
from .metric import ARROWS, About, Metric, Score, Unavailable
from .raft import RAFT
from .registry import METRICS
from .scorer import Scorer

__all__ = [
    "ARROWS",
    "CLIP",
    "DIS",
    "METRICS",
    "RAFT",
    "About",
    "Flow",
    "KnownFlow",
    "Metric",
    "Motion",
    "Prompts",
    "Report",
    "Score",
    "Scorer",
    "Tools",
    "Unavailable",
    "evaluate",
]
