"""The denoiser that most methods use: one prompt is followed, another one avoided."""

from ..sampling import Denoise, Step, classifier_free
from ..typing import Latents
from .backbone import Backbone, Branch, Condition
from .text import Text


def guided(
    model: Backbone, text: Text, negative: Text, scale: float, *, beside: Latents | None = None
) -> Denoise:
    """Predictions with classifier-free guidance, from one pass of two branches.

    Args:
        model: A model that reads prompts.
        text: The prompt that is followed; its branch is the last.
        negative: The one that is avoided.
        scale: How strongly.
        beside: What the network reads beside the latents, in both branches.
    """
    away, there = Condition(text=negative, beside=beside), Condition(text=text, beside=beside)

    def denoise(z: Latents, step: Step) -> Latents:
        without, towards = model.predict(Branch(z, step, away), Branch(z, step, there))
        return classifier_free(without, towards, scale)

    return denoise
