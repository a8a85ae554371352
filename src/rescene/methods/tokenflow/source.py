"""A source video on its way to noise, each frame by itself: what edits start from and follow."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from ...backbones import Backbone, Branch, Text
from ...cache import cached, content_hash, is_cached
from ...progress import Progress
from ...sampling import BySteps, Denoise, Keep, Schedule, Step, invert_ddpm, noised, sample, sample_ddpm
from ...typing import Latents
from .conditions import Conditions

LatentsByLevel = Float[Tensor, "levels T C h w"]


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The source's latents at every level."""

    latents: BySteps
    """At the noisy end of each sampling step, the noisiest first; the clean ones last."""
    residuals: BySteps | None = None
    """What each DDPM step lacks (edit-friendly DDPM inversion); None after DDIM inversion."""
    origin: Mapping[str, object] | None = None
    """What identifies the source and what was made of it, to keep more by; None if that can't be said."""

    @property
    def clean(self) -> Latents:
        """The video's latents."""
        return self.latents[-1]

    def after(self, step: Step) -> Latents:
        """The source at the clean end of a step."""
        return self.latents[step.index + 1]

    def sample(
        self, denoise: Denoise, z: Latents, schedule: Schedule, keep: Keep | None = None
    ) -> Iterator[Latents]:
        """Samples as the inversion asks for: the source's own predictions lead back to the source."""
        if self.residuals is None:
            return sample(denoise, z, schedule, keep=keep)
        return sample_ddpm(denoise, z, schedule, residuals=self.residuals, keep=keep)


@dataclass(frozen=True, eq=False)
class Noised:
    """Clean latents at the noise of each step, found when asked for; only the last is remembered."""

    clean: Latents
    draws: Float[Tensor, "S _ C h w"]
    schedule: Sequence[Step]
    _last: dict[int, Latents] = field(default_factory=dict[int, Latents], repr=False)

    def __getitem__(self, step: int, /) -> Latents:
        if step in (-1, len(self.schedule)):
            return self.clean
        if step not in self._last:
            self._last.clear()
            self._last[step] = noised(self.clean, self.draws[step], self.schedule[step].start)
        return self._last[step]


@dataclass(frozen=True, eq=False)
class Residuals:
    """Those of edit-friendly DDPM inversion: each is independent of the others, and kept in the cache.

    So memory holds one of them, however long the clip; one that the cache has lost is computed again. What
    can't be named there is kept in memory.
    """

    key: Mapping[str, object] | None
    compute: Callable[[int], Latents]
    _held: dict[int, Latents] = field(default_factory=dict[int, Latents], repr=False)

    def __getitem__(self, step: int, /) -> Latents:
        if self.key is not None:
            return cached({**self.key, "step": step}, lambda: self.compute(step))
        if step not in self._held:
            self._held[step] = self.compute(step)
        return self._held[step]

    def keep(self, steps: Sequence[int], progress: Progress) -> None:
        """Computes those that are not there yet."""
        missing = [step for step in steps if self.key is None or not is_cached({**self.key, "step": step})]
        if missing:
            for step in progress(missing, description="Inverting", total=len(missing)):
                self[step]


@dataclass(frozen=True)
class FrameSource:
    """A source video and its prompt, to be inverted frame by frame, without guidance."""

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
            condition = self.conditions.with_text(self.text, frames)
            with self.model.changed(*self.conditions.changes(frames)):
                predicted += self.model.predict(Branch(z[frames], step, condition))
        return torch.cat(predicted)

    def ddim(self, schedule: Schedule, progress: Progress) -> Trajectory:
        """DDIM inversion (Song et al., 2021, §4.3). Each level comes of the one before: all are in memory."""

        def compute() -> LatentsByLevel:
            latents = torch.empty(len(schedule) + 1, *self.clean.shape, dtype=self.clean.dtype)
            latents[-1] = self.clean
            inverted = sample(self.predict, self.clean, schedule.inverted())
            for index, z in enumerate(progress(inverted, description="Inverting", total=len(schedule)), 2):
                latents[-index] = z
            return latents

        key = self._key("ddim", schedule)
        return Trajectory(cached(key, compute) if key else compute(), None, self.origin)

    def ddpm(self, schedule: Schedule, draws: Tensor, progress: Progress, *, skip: int = 0) -> Trajectory:
        """Edit-friendly DDPM inversion, with Gaussian noise for each step and frame, or for all frames.

        The noisiest `skip` steps are inverted only if they are asked for.
        """

        def residual(index: int) -> Latents:
            rest, noise = schedule[index:], draws[index:]
            steps = invert_ddpm(self.predict, self.clean, rest, draws=noise)
            return next(steps).residual.cpu()

        residuals = Residuals(self._key(f"ddpm {content_hash(draws)}", schedule), residual)
        residuals.keep(range(skip, len(schedule)), progress)
        return Trajectory(Noised(self.clean.cpu(), draws, schedule), residuals, self.origin)

    def reconstruct(self, trajectory: Trajectory, schedule: Schedule, progress: Progress) -> Latents:
        """Samples back to the video: all that an edit could preserve."""
        start = trajectory.latents[schedule[0].index].to(self.clean)
        samples = trajectory.sample(self.predict, start, schedule)
        *_, z = progress(samples, description="Reconstructing", total=len(schedule))
        return z

    def _key(self, kind: str, schedule: Schedule) -> dict[str, object] | None:
        if self.origin is None:
            return None
        return {
            **self.origin,
            "kind": f"frame-by-frame-{kind}-1",
            "latents": content_hash(self.clean),
            "timesteps": [step.timestep for step in schedule],
        }

    @cached_property
    def origin(self) -> Mapping[str, object] | None:
        """What identifies the network and its conditions."""
        if self.model.control.altered:  # What a user's hooks change can't be named.
            return None
        return {
            "model": self.model.identity(),
            "text": content_hash(self.text.states[None]),
            "conditions": self.conditions.identity(),
        }
