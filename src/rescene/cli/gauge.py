"""What measures results: the options of the commands that do, and the models that they name."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ..fields import unknown
from ..metrics import METRICS
from ..metrics.registry import USUAL_CLIP

if TYPE_CHECKING:
    from ..metrics import Report, Tools
    from ..world import WorldScorer
    from .pairs import Pair
    from .progress import Reporter


@dataclass(frozen=True, kw_only=True)
class MetricOptions:
    """The metrics."""

    metrics: tuple[str, ...] = ()
    """Which to compute, such as psnr clip_text (docs/metrics.md lists them); all if not given."""
    clip: str = USUAL_CLIP
    """The CLIP model that compares pictures with prompts: a hub id, or a folder in transformers' layout;
    `mini` is the embedded model's own, which knows only its world; `none` leaves out what needs one."""
    flow: Literal["dis", "raft"] = "dis"
    """How motion is estimated; raft needs torchvision."""

    def names(self) -> tuple[str, ...]:
        """The names of the metrics to compute.

        Raises:
            ValueError: if there is no metric of a name.
        """
        for name in self.metrics:
            if name not in METRICS:
                raise ValueError(unknown(name, METRICS, name="--metrics"))
        return self.metrics or tuple(METRICS)

    def gauge(self) -> "Gauge":
        """Loads the models that the metrics need; a CLIP that is missing is no mistake.

        Raises:
            ValueError: if there is no metric of a name.
        """
        from ..backbones import best_device
        from ..metrics import CLIP, DIS, RAFT, Tools
        from ..world import WorldScorer
        from .host import hide_library_bars

        names, device = self.names(), best_device()
        tools = Tools(flow=RAFT(device) if self.flow == "raft" else DIS(), missing="--clip none")
        if self.clip == "none" or not any(METRICS[name].about.asks_scorer for name in names):
            return Gauge(names=names, tools=tools)
        if self.clip == "mini":
            return Gauge(names=names, tools=replace(tools, scorer=WorldScorer()))
        hide_library_bars()
        try:
            return Gauge(names=names, tools=replace(tools, scorer=CLIP.load(self.clip, device=device)))
        except FileNotFoundError as error:
            substitute = WorldScorer() if self.clip == USUAL_CLIP else None
            return Gauge(names=names, tools=replace(tools, missing=str(error)), substitute=substitute)


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """What measures pairs."""

    names: tuple[str, ...]
    tools: "Tools"
    substitute: "WorldScorer | None" = None
    """Takes the place of a CLIP that is missing, where it can read the prompts."""

    def measure(self, pair: "Pair", reporter: "Reporter") -> "Report":
        """Measures one result."""
        from ..metrics import evaluate
        from ..video.watch import watching
        from ..world import unknown_words

        (source, result), prompts, tools = pair.videos(), pair.prompts(), self.tools
        if self.substitute and prompts and not unknown_words(f"{prompts.source} {prompts.target}"):
            tools = replace(tools, scorer=self.substitute)
        with watching(result, reporter.progress, pair.output.name[:14]) as watched:
            return evaluate(
                source, watched, prompts=prompts, mask=pair.masks(), tools=tools, metrics=self.names
            )
