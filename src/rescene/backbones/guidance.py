"""The denoiser that most methods use: one prompt is followed, another one avoided."""

from collections.abc import Callable

from ..sampling import Denoise, Step, classifier_free
from ..typing import Latents
from .backbone import Backbone, Branch, Condition
from .picture import Picture
from .text import Text


def guided(
    model: Backbone,
    text: Text,
    negative: Text,
    scale: float | Callable[[Step], float],
    *,
    beside: Latents | None = None,
    picture: Picture | None = None,
) -> Denoise:
    """Predictions with classifier-free guidance, from two branches.

    Args:
        model: A model that reads prompts.
        text: The prompt that is followed; its branch is the last.
        negative: The one that is avoided.
        scale: How strongly, or a function that tells it for each step.
        beside: What the network reads beside the latents, in both branches.
        picture: The picture that leads both branches.
    """
    away, there = (Condition(text=each, beside=beside, picture=picture) for each in (negative, text))

    def denoise(z: Latents, step: Step) -> Latents:
        factor = scale(step) if callable(scale) else scale
        without, towards = model.predict(Branch(z, step, away), Branch(z, step, there))
        return classifier_free(without, towards, factor)

    return denoise
