"""Directional similarity: whether the picture changed in the direction in which the prompt changed."""

from typing import ClassVar

from torch.nn import functional

from .averages import Averages
from .comparison import Comparison, Step
from .metric import About, Score, Unavailable
from .prompts import prompt_features


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

    def update(self, step: Step) -> None:
        change = step.now.features("centre") - step.now.source_features("centre")
        self._averages.add(float(functional.cosine_similarity(change, self._wanted, dim=0)))

    def scores(self) -> list[Score]:
        return self._averages.scores(self.about, self._prompts.scorer)
