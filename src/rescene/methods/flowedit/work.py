"""The part that all edits along straight paths share, on any model that reads prompts."""

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from ...attention import AttentionHook, FrameKeys
from ...backbones import Backbone, Branch, Condition, guided
from ...inputs import Inputs
from ...sampling import Denoise, Schedule, Step, straight, straightened
from ...sampling.noise import frame_noise
from ...typing import Latents
from ..cost import EDITED, latent_bytes, latent_size
from ..method import Cost, Prompted
from ..needs import attended

STATES = 5
"""Latents of the clip that are held at once: source, edit, and what a step makes of them."""


@dataclass(frozen=True)
class StraightEdit:
    """A model, whatever it predicts, seen along straight paths."""

    settings: Prompted
    model: Backbone

    @cached_property
    def schedule(self) -> Schedule:
        """All steps of the model."""
        return self.model.schedule(self.settings.num_inference_steps)

    @cached_property
    def steps(self) -> Schedule:
        """The same along straight paths."""
        return straight(self.schedule)

    def share(self, strength: float) -> Schedule:
        """The last so large a share of them."""
        return self.steps[len(self.steps) - round(strength * len(self.steps)) :]

    def velocity(self, prompt: str) -> Denoise:
        """The velocity with a prompt, without guidance."""
        model = self.model
        assert model.text
        condition = Condition(text=model.text(prompt))

        def predict(z: Latents, step: Step) -> Latents:
            return model.predict(Branch(z, step, condition))[0]

        return straightened(predict, self.schedule)

    def guided(self, prompt: str, negative: str, scale: float) -> Denoise:
        """The velocity with a prompt and classifier-free guidance."""
        text = self.model.text
        assert text
        return straightened(guided(self.model, text(prompt), text(negative), scale), self.schedule)

    @property
    def of_images(self) -> bool:
        """Whether the model knows single images only."""
        return self.model.native_frames is None

    @property
    def hooks(self) -> tuple[AttentionHook, ...]:
        """What makes an image model's frames consistent: they also attend to the first and the one before."""
        return (FrameKeys(("first", "previous", "own")),) if "frame" in attended(self.model) else ()

    def noise(self, like: Latents, *names: int | str) -> Latents:
        """Standard normal noise for a clip; of image models all frames share it, so that they stay alike."""
        frames = range(1 if self.of_images else len(like))
        return frame_noise(like.shape[1:], frames, *names).to(like).expand_as(like)

    def mask(self, inputs: Inputs) -> Tensor | None:
        """Where the edit may go, [T, 1, h, w] from 0 to 1; None if everywhere."""
        if inputs.mask is None:
            return None
        return inputs.mask.on(self.model.grid)[:, None].to(self.model.device)

    def cost_of(self, inputs: Inputs, steps: int, passes: int) -> Cost:
        """The cost of so many passes of one branch over the clip."""
        model, video = self.model, inputs.video
        assert video
        latents = model.grid.latents(len(video))
        return Cost(
            steps=steps,
            evaluations=passes * latents,
            memory={
                "weights": model.weight_bytes(),
                "latents": STATES * latent_bytes(model, video),
                "activations": EDITED * latents * model.activation_bytes(latent_size(model, video)),
            },
        )
