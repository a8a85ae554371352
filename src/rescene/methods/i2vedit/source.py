"""One clip of a source video on its way to noise, as Stable Video Diffusion sees it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from ...attention.temporal import KeptKeys, PrependKeys, RecordKeys, SingleToken
from ...backbones import AUGMENTATION, Backbone, Branch, Condition, Picture
from ...cache import cached, content_hash
from ...progress import Progress, quiet
from ...sampling import Schedule, Step, sample
from ...sampling.noise import frame_noise, generator
from ...typing import Latents
from ...video import Video
from .noise import perturb

LatentsByLevel = Float[Tensor, "levels T C h w"]
SOURCE_FPS = 9
"""The rate that the model is told for a source, whatever it is: 8 in its count, which is one less (as
published)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SourceClip:
    """A clip led by its own first frame, without guidance. It is inverted when it is first looked at."""

    model: Backbone
    prepare: Callable[[], tuple[Latents, Picture]]
    """Makes the clip's latents, and what leads it."""
    num_inference_steps: int
    first: "SourceClip | None" = None
    """The clip whose keys temporal attention looks at too ("skip-interval cross-attention")."""
    progress: Progress = quiet
    description: str = "Inverting"
    token: SingleToken = field(default_factory=SingleToken, repr=False)

    @cached_property
    def latents(self) -> LatentsByLevel:
        """The clean latents first, then those after each step of the inversion; in main memory.

        They come from the cache if an earlier run kept them.
        """
        # Hooks of the user's may do anything: that can't be named in a key.
        if self.model.control.altered:
            return self._invert()
        clean, lead = self._prepared
        key = {
            "kind": "edm-inversion-1",
            "model": self.model.identity(),
            "latents": content_hash(clean),
            "lead": [content_hash(lead.embedding), content_hash(lead.latents), lead.time_ids],
            "timesteps": [step.timestep for step in self._schedule],
            "first": content_hash(self.first.latents) if self.first else None,
        }
        return cached(key, self._invert)

    def branch(self, step: int) -> Branch:
        """What the inversion fed the network where sampling step `step` ends."""
        latents = self.latents[self.num_inference_steps - 1 - step]
        own = next(each for each in self._schedule if each.index == step)
        return Branch(latents, own, Condition(picture=self._prepared[1]))

    def keys(self, step: int) -> dict[str, KeptKeys]:
        """What temporal attention looks up at a step: computed again, as keeping it would take gigabytes."""
        record = RecordKeys()
        with self.model.changed(record, self.token):
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

    def _invert(self) -> LatentsByLevel:
        """Carries the clip to noise ("EDM inversion")."""
        clean, lead = self._prepared

        def denoise(z: Latents, step: Step) -> Latents:
            first_keys = [PrependKeys(self.first.keys(step.index))] if self.first else []
            with self.model.changed(*first_keys, self.token):
                return self.model.predict(Branch(z, step, Condition(picture=lead)))[0]

        count = self.num_inference_steps
        latents = clean.new_empty(count + 1, *clean.shape, device="cpu")
        latents[0] = clean
        inverted = sample(denoise, clean.to(self.model.device), self._schedule)
        for index, z in enumerate(self.progress(inverted, description=self.description, total=count), 1):
            latents[index] = z
        return latents

    @cached_property
    def _prepared(self) -> tuple[Latents, Picture]:
        return self.prepare()

    @cached_property
    def _schedule(self) -> Schedule:
        """The inversion's steps in order; each has the index of the sampling step that undoes it."""
        return self.model.schedule(self.num_inference_steps, invert=True)


def prepare(
    model: Backbone, clip: Video, *, smooth_noise: float, names: tuple[int | str, ...]
) -> tuple[Latents, Picture]:
    """The latents of a source clip, and the picture that leads it.

    Args:
        model: The model.
        clip: The clip at the working size.
        smooth_noise: How much noise smooth areas get.
        names: What random draws depend on.
    """
    frames, numbers = clip.frames, range(len(clip))
    draws = frame_noise(frames.shape[1:], numbers, *names, "pixels")
    frames = perturb(frames, draws, smooth_noise) if smooth_noise else frames
    size = frames.shape[-2] // model.grid.space, frames.shape[-1] // model.grid.space
    noise = frame_noise((model.latent_channels, *size), numbers, *names, "latents")
    clean = model.encode(Video.of(frames, clip.fps), noise=noise)
    # Noise as large as for pixels in [-1, 1].
    grain = torch.randn(1, *frames.shape[1:], generator=generator(*names, "picture"))
    noisy = frames[:1] + AUGMENTATION / 2 * grain
    return clean, model.picture(frames[:1], fps=SOURCE_FPS, noisy=noisy)
