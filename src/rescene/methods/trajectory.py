"""A source video on its way to noise, each frame by itself: what edits start from and follow."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from ..backbones import Backbone
from ..cache import cached, content_hash
from ..sampling import Denoise, Step, invert_ddpm, noised, sample_ddpm
from ..typing import Latents, Progress, Text
from .conditions import Conditions

Steps = Float[Tensor, "S F C h w"]
Levels = Float[Tensor, "levels F C h w"]


@dataclass(frozen=True)
class Trajectory:
    """The source's latents at every level, in main memory."""

    latents: Levels
    """At the noisy end of each sampling step, the noisiest first; the clean ones last."""
    residuals: Steps | None = None
    """What each DDPM step lacks (edit-friendly DDPM inversion); None after DDIM inversion."""
    origin: Mapping[str, object] | None = None
    """What identifies the source and what was made of it, to keep more by; None if that can't be said."""

    @property
    def clean(self) -> Latents:
        """The video's latents."""
        return self.latents[-1]

    def sample(
        self, model: Backbone, denoise: Denoise, z: Latents, schedule: list[Step]
    ) -> Iterator[Latents]:
        """Samples as the inversion asks for: the source's own predictions lead back to the source."""
        if self.residuals is None:
            return model.sample(denoise, z, schedule)
        return sample_ddpm(model.sample, denoise, z, schedule, residuals=self.residuals)


@dataclass(frozen=True)
class Source:
    """A source video and its prompt, to be inverted without guidance."""

    model: Backbone
    text: Text
    clean: Latents
    frames_per_batch: int
    conditions: Conditions = field(default_factory=Conditions)

    def predict(self, z: Latents, step: Step) -> Latents:
        """The network's prediction, some frames at a time."""
        predicted: list[Tensor] = []
        for start in range(0, len(z), self.frames_per_batch):
            frames = list(range(start, min(start + self.frames_per_batch, len(z))))
            read = self.conditions.beside(z[frames], frames)
            with self.conditions.shown(self.model, frames):
                predicted += self.model.predict(step, (read, self.text))
        return torch.cat(predicted)

    def ddim(self, schedule: list[Step], progress: Progress) -> Trajectory:
        """DDIM inversion (Song et al., 2021, §4.3)."""

        def compute() -> Steps:
            latents = self._empty(len(schedule) + 1)
            latents[-1] = self.clean
            inverted = self.model.invert(self.predict, self.clean, schedule)
            for index, z in enumerate(progress(inverted, description="Inverting", total=len(schedule)), 2):
                latents[-index] = z
            return latents

        return Trajectory(self._cached("ddim", schedule, compute), None, self.origin)

    def ddpm(self, schedule: list[Step], draws: Tensor, progress: Progress) -> Trajectory:
        """Edit-friendly DDPM inversion, with Gaussian noise for each step and frame, or for all frames."""

        def compute() -> Steps:
            residuals = self._empty(len(schedule))
            steps = invert_ddpm(self.model.sample, self.predict, self.clean, schedule, draws=draws)
            for index, step in enumerate(progress(steps, description="Inverting", total=len(schedule))):
                residuals[index] = step.residual
            return residuals

        latents = self._empty(len(schedule) + 1)
        for index, step in enumerate(schedule):
            latents[index] = noised(self.clean, draws[index], step.start)
        latents[-1] = self.clean
        residuals = self._cached(f"ddpm {content_hash(draws)}", schedule, compute)
        return Trajectory(latents, residuals, self.origin)

    def reconstruct(self, trajectory: Trajectory, schedule: list[Step], progress: Progress) -> Latents:
        """Samples back to the video: all that an edit could preserve."""
        start = trajectory.latents[schedule[0].index].to(self.clean)
        samples = trajectory.sample(self.model, self.predict, start, schedule)
        *_, z = progress(samples, description="Reconstructing", total=len(schedule))
        return z

    def _empty(self, steps: int) -> Steps:
        return torch.empty(steps, *self.clean.shape, dtype=self.clean.dtype)

    def _cached(self, kind: str, schedule: list[Step], compute: Callable[[], Steps]) -> Steps:
        if self.origin is None:
            return compute()
        key = {
            **self.origin,
            "kind": f"frame-by-frame-{kind}-1",
            "latents": content_hash(self.clean),
            "timesteps": [step.timestep for step in schedule],
        }
        return cached(key, compute)

    @cached_property
    def origin(self) -> Mapping[str, object] | None:
        """What identifies the network and its conditions."""
        if self.model.hooks.altered:  # What a user's hooks change can't be named.
            return None
        return {
            "model": self.model.fingerprint(),
            "text": content_hash(self.text),
            "conditions": self.conditions.identity(),
        }
