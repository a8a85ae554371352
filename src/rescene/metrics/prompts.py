"""What metrics of text need: a scorer, and the features of both prompts."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from .comparison import Comparison
from .metric import Unavailable
from .scorer import Scorer


@dataclass(frozen=True, kw_only=True, eq=False)
class PromptFeatures:
    """The prompts as the scorer sees them, each of length 1."""

    source: Float[Tensor, " D"]
    target: Float[Tensor, " D"]
    scorer: str
    """Its name."""


def prompt_features(comparison: Comparison) -> PromptFeatures:
    """Asks the scorer for both prompts.

    Raises:
        Unavailable: if there is no scorer, or no prompts, or they are too long for it.
    """
    scorer, prompts = scorer_of(comparison), comparison.prompts
    if prompts is None:
        raise Unavailable("it needs the source prompt and the target prompt")
    try:
        source, target = scorer.text(prompts.source), scorer.text(prompts.target)
    except ValueError as error:
        raise Unavailable(str(error)) from error
    return PromptFeatures(source=source, target=target, scorer=scorer.name)


def scorer_of(comparison: Comparison) -> Scorer:
    """The scorer, for metrics that can't do without."""
    if comparison.tools.scorer is None:
        raise Unavailable(comparison.tools.missing)
    return comparison.tools.scorer
