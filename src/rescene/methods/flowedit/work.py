"""The part that all edits along straight paths share, on any model that reads prompts."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Protocol, runtime_checkable

from torch import Tensor

from ...attention import FrameKeys
from ...backbones import Backbone, Branch, Condition, Picture, guided
from ...inputs import Inputs
from ...sampling import Denoise, Schedule, Step, straight, straightened
from ...sampling.noise import frame_noise
from ...sampling.windows import spans, windowed
from ...typing import Latents
from ..cost import EDITED, latent_bytes, latent_size
from ..method import Cost, Run
from ..needs import attended

Draw = Callable[[int, int], Latents]
"""Noise by the index of the step and the number of the draw."""
OVERLAP = 4
"""Windows over long clips share a fourth of their latents with the next one."""
FRAMES = ("first", "previous", "own")
"""The frames that those of an image model attend to."""
STATES = 5
"""Latents of the clip that are held at once: source, edit, and what a step makes of them."""


@runtime_checkable
class Stepped(Protocol):
    """Settings that tell the steps to take."""

    @property
    def num_inference_steps(self) -> int: ...

    @property
    def shift(self) -> float | None: ...

    @property
    def strength(self) -> float: ...


@dataclass(frozen=True)
class StraightEdit:
    """A model, whatever it predicts, seen along straight paths."""

    settings: Stepped
    model: Backbone

    @cached_property
    def schedule(self) -> Schedule:
        """All steps of the model."""
        return self.model.schedule(self.settings.num_inference_steps, shift=self.settings.shift)

    @cached_property
    def steps(self) -> Schedule:
        """The same along straight paths."""
        return straight(self.schedule)

    @property
    def taken(self) -> Schedule:
        """The steps that the edit takes: the last ones, so large a share as its strength."""
        return self.steps[len(self.steps) - round(self.settings.strength * len(self.steps)) :]

    def check(self, inputs: Inputs) -> None:
        """Makes sure that the model has so many steps."""
        _ = self.taken

    def velocity(self, prompt: str) -> Denoise:
        """The velocity with a prompt, without guidance."""
        model = self.model
        assert model.text
        condition = Condition(text=model.text(prompt))

        def predict(z: Latents, step: Step) -> Latents:
            return model.predict(Branch(z, step, condition))[0]

        return self._over_windows(straightened(predict, self.schedule))

    def guided(self, prompt: str, negative: str, scale: float, picture: Picture | None = None) -> Denoise:
        """The velocity with a prompt and classifier-free guidance."""
        text = self.model.text
        assert text
        towards = guided(self.model, text(prompt), text(negative), scale, picture=picture)
        return self._over_windows(straightened(towards, self.schedule))

    def _over_windows(self, velocity: Denoise) -> Denoise:
        """The velocity for clips that are longer than the model's own."""
        if self.window is None:
            return velocity
        return windowed(velocity, length=self.window, overlap=self.window // OVERLAP)

    @property
    def window(self) -> int | None:
        """Latents of the clips that the model was trained on; None for a model of images."""
        frames = self.model.native_frames
        return None if frames is None else self.model.grid.latents(frames)

    @property
    def of_images(self) -> bool:
        """Whether the model knows single images only."""
        return self.model.native_frames is None

    @property
    def hooks(self) -> tuple[FrameKeys, ...]:
        """What makes an image model's frames consistent: they also attend to others."""
        return (FrameKeys(FRAMES),) if "frame" in attended(self.model) else ()

    def noise(self, like: Latents, *names: int | str) -> Latents:
        """Standard normal noise for a clip; of image models all frames share it, so that they stay alike."""
        frames = range(1 if self.of_images else len(like))
        return frame_noise(like.shape[1:], frames, *names).to(like).expand_as(like)

    def fresh(self, like: Latents, seed: int) -> Draw:
        """Noise of its own for each step and draw."""
        return lambda step, number: self.noise(like, seed, "step", step, number)

    def mask(self, inputs: Inputs) -> Tensor | None:
        """Where the edit may go, [T, 1, h, w] from 0 to 1; None if everywhere."""
        if inputs.mask is None:
            return None
        return inputs.mask.on(self.model.grid)[:, None].to(self.model.device)

    def walked(
        self, z: Latents, states: Iterable[Latents], steps: int, run: Run, *, description: str = "Editing"
    ) -> Latents:
        """The end of some steps from `z`; only one state is held at a time."""
        with self.model.changed(*self.hooks):
            return deque(chain((z,), run.progress(states, description=description, total=steps)), maxlen=1)[0]

    def cost_of(self, inputs: Inputs, steps: int, passes: int, *, again: int | None = None) -> Cost:
        """The cost of so many passes of one branch over the clip; what windows share is seen twice."""
        model, video = self.model, inputs.video
        assert video
        latents = together = model.grid.latents(len(video))
        lengths = [latents]
        if self.window is not None:
            windows = spans(latents, length=self.window, overlap=self.window // OVERLAP)
            lengths, together = [span.stop - span.start for span in windows], min(latents, self.window)
        seen = round(len(video) * sum(lengths) / latents)
        return Cost(
            steps=steps,
            evaluations=passes * seen,
            again=None if again is None else again * seen,
            memory={
                "weights": model.weight_bytes(),
                "latents": STATES * latent_bytes(model, video),
                "activations": EDITED * together * model.activation_bytes(latent_size(model, video)),
            },
            remarks=(f"{len(lengths)} windows of {together} latents, blended",) if len(lengths) > 1 else (),
        )


def spread(d: Latents) -> Tensor:
    """The mean over channels, [T, 1, h, w], spread over 0 to 1: the strength of a change at each place."""
    mean = d.mean(1, keepdim=True)
    low, high = mean.amin(), mean.amax()
    return (mean - low) / (high - low + 1e-7)
