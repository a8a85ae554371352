"""Prompts: how well the result fits the text that it was to follow, as a scorer sees it."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from .comparison import Comparison, Transition
from .metric import About, Averages, Score, Unavailable, scorer_of
from .motion import WarpSSIM


class FrameAccuracy:
    """CLIP frame accuracy, "Fram-Acc".

    Formula: share of the frames with p(target) ≥ p(source), p being the softmax of 100 cos(frame, prompt)
    over the two prompts. A frame that is taller than wide is cut to the square at its bottom, then reduced
    as CLIP does.
    Range: 0 to 1; higher is better.
    Source: Qi et al., "FateZero", ICCV 2023, as their script computes it.
    """

    about: ClassVar[About] = About(
        name="frame_accuracy", title="Frame accuracy", group="prompts", better="higher", asks_scorer=True
    )

    def __init__(self, comparison: Comparison) -> None:
        self._prompts = prompt_features(comparison)
        self._averages = Averages()

    def update(self, move: Transition) -> None:
        prompts = torch.stack([self._prompts.source, self._prompts.target])
        source, target = (100 * prompts @ move.now.features("bottom")).softmax(0)
        self._averages.add(float(target >= source))

    def scores(self) -> list[Score]:
        return self._averages.scores(self.about, self._prompts.scorer)


class CLIPText:
    """CLIP text score, "CLIP-T" or "textual alignment".

    Formula: 100 × mean over frames of cos(frame, target prompt).
    Range: −100 to 100, in practice 20 to 35; higher is better.
    Source: Wu et al., "Tune-A-Video", ICCV 2023, and most papers since; not to be mixed up with CLIPScore.
    """

    about: ClassVar[About] = About(
        name="clip_text", title="CLIP text", group="prompts", better="higher", asks_scorer=True
    )

    def __init__(self, comparison: Comparison) -> None:
        self._prompts = prompt_features(comparison)
        self._averages = Averages()

    def update(self, move: Transition) -> None:
        self._averages.add(100 * float(self._prompts.target @ move.now.features("centre")))

    def scores(self) -> list[Score]:
        return self._averages.scores(self.about, self._prompts.scorer)


class CLIPScore:
    """CLIPScore without references.

    Formula: mean over frames of 2.5 max(cos(frame, target prompt), 0). (Without their prefix "A photo
    depicts".)
    Range: 0 to 2.5, in practice 0.5 to 0.9; higher is better.
    Source: Hessel et al., "CLIPScore", EMNLP 2021.
    """

    about: ClassVar[About] = About(
        name="clip_score", title="CLIPScore", group="prompts", better="higher", asks_scorer=True
    )

    def __init__(self, comparison: Comparison) -> None:
        self._prompts = prompt_features(comparison)
        self._averages = Averages()

    def update(self, move: Transition) -> None:
        self._averages.add(2.5 * max(float(self._prompts.target @ move.now.features("centre")), 0.0))

    def scores(self) -> list[Score]:
        return self._averages.scores(self.about, self._prompts.scorer)


class CLIPDirectional:
    """CLIP directional similarity.

    Formula: mean over frames of cos(result − source, target prompt − source prompt), all features of length
    1 before they are subtracted; 0 for a frame that didn't change at all.
    Range: −1 to 1, in practice 0 to 0.3; higher is better.
    Source: Gal et al., "StyleGAN-NADA", SIGGRAPH 2022; Brooks et al., "InstructPix2Pix", CVPR 2023.
    """

    about: ClassVar[About] = About(
        name="clip_directional",
        title="Directional similarity",
        group="prompts",
        better="higher",
        asks_scorer=True,
    )

    def __init__(self, comparison: Comparison) -> None:
        self._prompts = prompt_features(comparison)
        self._wanted = self._prompts.target - self._prompts.source
        if not self._wanted.any():
            raise Unavailable("the source prompt and the target prompt are the same to the scorer")
        self._averages = Averages()

    def update(self, move: Transition) -> None:
        change = move.now.features("centre") - move.now.source_features("centre")
        self._averages.add(float(functional.cosine_similarity(change, self._wanted, dim=0)))

    def scores(self) -> list[Score]:
        return self._averages.scores(self.about, self._prompts.scorer)


class QEdit:
    """Overall quality of an edit.

    Formula: WarpSSIM × CLIP text score.
    Range: −100 to 100, in practice 15 to 30; higher is better.
    Source: Kara et al., "RAVE", CVPR 2024.
    """

    about: ClassVar[About] = About(
        name="q_edit", title="Q_edit", group="prompts", better="higher", asks_scorer=True
    )

    def __init__(self, comparison: Comparison) -> None:
        self._factors = WarpSSIM(comparison), CLIPText(comparison)

    def update(self, move: Transition) -> None:
        for factor in self._factors:
            factor.update(move)

    def scores(self) -> list[Score]:
        (steady,), (faithful,) = (factor.scores() for factor in self._factors)
        how = f"{faithful.how}; {steady.how}"
        return [Score(about=self.about, value=steady.value * faithful.value, how=how)]


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
