"""One clip of a source video on its way to noise, as Stable Video Diffusion sees it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from ..attention.temporal import KeptKeys, PrependKeys, RecordKeys, SingleToken
from ..backbones.stable_video import AUGMENTATION, Branch, Lead, StableVideo
from ..cache import cached, content_hash
from ..progress import Progress, quiet
from ..sampling import Step
from ..sampling.noise import frame_noise, generator
from ..typing import Frames, Latents
from .smooth import perturb

Trajectory = Float[Tensor, "levels F C h w"]
SOURCE_FPS = 8
"""What the model is told of a source's rate, whatever it is (as published)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SourceClip:
    """A clip led by its own first frame, without guidance. It is inverted when it is first looked at."""

    model: StableVideo
    prepare: Callable[[], tuple[Latents, Lead]]
    """Makes the clip's latents, and what leads it."""
    num_inference_steps: int
    first: "SourceClip | None" = None
    """The clip whose keys temporal attention looks at too ("skip-interval cross-attention")."""
    progress: Progress = quiet
    description: str = "Inverting"
    token: SingleToken = field(default_factory=SingleToken, repr=False)

    @cached_property
    def latents(self) -> Trajectory:
        """The clean latents first, then those after each step of the inversion; in main memory.

        They come from the cache if an earlier run kept them.
        """
        # Hooks of the user's may do anything: that can't be named in a key.
        if self.model.hooks.altered:
            return self._invert()
        clean, lead = self._prepared
        key = {
            "kind": "edm-inversion-1",
            "model": self.model.fingerprint(),
            "latents": content_hash(clean),
            "lead": [content_hash(lead.embedding), content_hash(lead.image), lead.time_ids],
            "timesteps": [step.timestep for step in self._steps.values()],
            "first": content_hash(self.first.latents) if self.first else None,
        }
        return cached(key, self._invert)

    def branch(self, step: int) -> Branch:
        """What the inversion fed the network where sampling step `step` ends."""
        latents = self.latents[self.num_inference_steps - 1 - step]
        return Branch(latents, self._steps[step], self._prepared[1])

    def keys(self, step: int) -> dict[str, KeptKeys]:
        """What temporal attention looks up at a step: computed again, as keeping it would take gigabytes."""
        record = RecordKeys()
        with self.model.hooked(record, self.token):
            self.model.predict(self.branch(step))
        return record.into

    def keys_at(self, sigma: float) -> dict[str, KeptKeys]:
        """The keys for a level of noise in between, in units of the signal: those of the step through it."""
        return self.keys(self.step_above(sigma))

    def step_above(self, sigma: float) -> int:
        """The sampling step that leads through a level of noise, in units of the signal."""
        steps = self.model.schedule(self.num_inference_steps)
        above = [step.index for step in steps if step.start.noise / step.start.signal >= sigma]
        return above[-1] if above else 0

    def _invert(self) -> Trajectory:
        """Carries the clip to noise ("EDM inversion")."""
        clean, lead = self._prepared

        def denoise(z: Latents, step: Step) -> Latents:
            first_keys = [PrependKeys(self.first.keys(step.index))] if self.first else []
            with self.model.hooked(*first_keys, self.token):
                return self.model.predict(Branch(z, step, lead))[0]

        count = self.num_inference_steps
        latents = clean.new_empty(count + 1, *clean.shape, device="cpu")
        latents[0] = clean
        inverted = self.model.sample(denoise, clean.to(self.model.device), list(self._steps.values()))
        for index, z in enumerate(self.progress(inverted, description=self.description, total=count), 1):
            latents[index] = z
        return latents

    @cached_property
    def _prepared(self) -> tuple[Latents, Lead]:
        return self.prepare()

    @cached_property
    def _steps(self) -> dict[int, Step]:
        """The inversion's steps in order, by the index of the sampling step that undoes each."""
        return {step.index: step for step in self.model.inversion_schedule(self.num_inference_steps)}


def prepare(
    model: StableVideo, frames: Frames, *, smooth_noise: float, names: tuple[int | str, ...]
) -> tuple[Latents, Lead]:
    """The latents of a source clip, and what leads it.

    Args:
        model: The model.
        frames: The clip at the size of work.
        smooth_noise: How much noise smooth areas get.
        names: What random draws depend on.
    """
    draws = frame_noise(frames.shape[1:], range(len(frames)), *names, "pixels")
    frames = perturb(frames, draws, smooth_noise) if smooth_noise else frames
    size = frames.shape[-2] // model.scale, frames.shape[-1] // model.scale
    channels = model.vae.config.latent_channels
    clean = model.encode(frames, frame_noise((channels, *size), range(len(frames)), *names, "latents"))
    # Noise as large as for pixels in [-1, 1].
    noise = torch.randn(1, *frames.shape[1:], generator=generator(*names, "picture"))
    image = model.image(frames[:1] + AUGMENTATION / 2 * noise)
    return clean, Lead(model.embed(frames[:1]), image, SOURCE_FPS)
