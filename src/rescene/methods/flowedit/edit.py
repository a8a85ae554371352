"""FlowEdit at work (Kulikov et al., ICCV 2025; algorithm 1).

The edit starts at the source's clean latents. At each level the source is noised as the forward process would
(q), and the edit with the same noise (p). What the network says of p with the target's prompt, less what it
says of q with the source's, is where the edit goes: errors that both have cancel out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor

from ...inputs import Inputs
from ...sampling import Denoise, Schedule, Step, refuse_nan, sample
from ...typing import Latents
from ...video import Video
from ..cost import EDITED
from ..method import Cost, Run
from . import FlowEdit
from .anchor import UNTIL_LEVEL, Anchor
from .work import Draw, StraightEdit, spread

VIDEOS_SCALE, IMAGES_SCALE = 10.0, 5.0
"""Usual guidance: of Wan-Edit (FiVE, ICCV 2025), and of ours on `mini` (docs/quality.md)."""
FULL_LENGTH = 21
"""Latents of the clips for which FlowAnchor's refinement is defined: Wan's 81 frames."""


def flowedit(
    x: Latents,
    steps: Schedule,
    source: Denoise,
    target: Denoise,
    *,
    draw: Draw,
    average: int = 1,
    free_steps: int = 0,
    magnitude: float = 0.0,
    mask: Tensor | None = None,
) -> Iterator[Latents]:
    """Yields the edit after each step.

    Args:
        x: The source's clean latents.
        steps: Steps along straight paths, the n_max ones that the edit takes.
        source: Velocities with the source's prompt.
        target: Velocities with the target's prompt.
        draw: Standard normal noise.
        average: Draws over which each step is averaged: n_avg.
        free_steps: Steps at the end that follow the target alone: n_min.
        magnitude: Strength of `refined`.
        mask: Where the edit may go, [T, 1, h, w] from 0 to 1; everywhere if None.
    """
    z, held = x, len(steps) - free_steps
    for step in steps[:held]:
        s, after = step.start.noise, step.end.noise
        d = torch.zeros_like(x)
        for number in range(average):
            q = (1 - s) * x + s * draw(step.index, number)
            p = q + (z - x)
            d = d + (target(p, step) - source(q, step)) / average
        d = refined(d, magnitude)
        z = refuse_nan(z + (after - s) * (d if mask is None else mask * d), step)
        yield z
    if free_steps:
        yield from _freed(x, z, steps[held:], target, draw(steps[held].index, 0), mask)


def _freed(
    x: Latents, z: Latents, steps: Schedule, target: Denoise, noise: Latents, mask: Tensor | None
) -> Iterator[Latents]:
    """The steps that follow the target alone, from the edit `z`; outside the mask the source rides along."""
    y = z + steps[0].start.noise * (noise - x)
    for step in steps:
        (y,) = sample(target, y, steps.alone(step))
        if mask is not None:
            y = torch.lerp(step.end.signal * x + step.end.noise * noise, y, mask)
        yield y


def refined(d: Latents, gamma: float) -> Latents:
    """Strengthens a difference of velocities where it is strong already (FlowAnchor, 2026).

    Longer clips' differences are weaker, so that the refinement grows with ln T; a single latent has none.

    Args:
        d: The difference.
        gamma: How much; 0 leaves `d` as it is, 1 is published.
    """
    if not gamma or len(d) == 1:
        return d
    return d * (1 + gamma * log(len(d)) / log(FULL_LENGTH) * spread(d))


@dataclass(frozen=True)
class FlowEditWork(StraightEdit):
    """One edit on one model."""

    settings: FlowEdit

    def target(self, inputs: Inputs) -> Denoise:
        """The velocity with the target's prompt; at first its words keep to the mask, if asked to."""
        settings = self.settings
        target = self.guided(settings.target, settings.negative_prompt, self.scales[1])
        if not settings.anchor_words:
            return target
        anchor = self.anchor(inputs)

        def anchored(z: Latents, step: Step) -> Latents:
            with self.model.changed(*[anchor] * (step.start.noise >= UNTIL_LEVEL)):
                return target(z, step)

        return anchored

    def anchor(self, inputs: Inputs) -> Anchor:
        """The words that keep to the mask.

        Raises:
            ValueError: If there is no mask, a word isn't in the prompt, or the clip is too long.
        """
        video, mask, text = inputs.video, self.mask(inputs), self.model.text
        assert video
        assert text
        if mask is None:
            raise ValueError("anchor_words needs a mask, inside which the words are to appear")
        if self.window is not None and len(mask) > self.window:
            raise ValueError(
                f"anchor_words takes clips of up to {self.model.native_frames} frames with this model, not "
                f"{len(video)}; leave it out"
            )
        prompt = text.tokenize(self.settings.target)
        words = {place for word in self.settings.anchor_words for place in prompt.find(word)}
        return Anchor(mask[:, 0], tuple(sorted(words)), len(prompt.ids))

    @property
    def scales(self) -> tuple[float, float]:
        """How strongly the source's and the target's prompt are followed."""
        settings, usual = self.settings, IMAGES_SCALE if self.of_images else VIDEOS_SCALE
        target = usual if settings.guidance_scale is None else settings.guidance_scale
        source = settings.source_guidance_scale
        return target / 2 if source is None else source, target

    def check(self, inputs: Inputs) -> None:
        """Makes sure that there are so many steps.

        Raises:
            ValueError: If the model hasn't, or more are free than there are.
        """
        if self.settings.free_steps > len(self.taken):
            raise ValueError(
                f"free_steps is {self.settings.free_steps}, and the edit takes {len(self.taken)} steps "
                "(strength times num_inference_steps); lower it"
            )
        if self.settings.anchor_words:
            _ = self.anchor(inputs)

    def cost(self, inputs: Inputs) -> Cost:
        """The cost: two branches of the source, and two of the edit, which free steps need alone."""
        settings, steps = self.settings, len(self.taken)
        held = (steps - settings.free_steps) * settings.average
        return self.cost_of(inputs, steps, EDITED * (2 * held + settings.free_steps))

    def __call__(self, inputs: Inputs, run: Run) -> Video:
        """Edits the video."""
        settings, video = self.settings, inputs.video
        assert video
        x, steps = self.model.encode(video), self.taken
        draw = self.fresh(x, settings.seed)
        edited = flowedit(
            x,
            steps,
            self.guided(settings.source, settings.negative_prompt, self.scales[0]),
            self.target(inputs),
            draw=draw if settings.noise == "fresh" else lambda _, number: draw(0, number),
            average=settings.average,
            free_steps=settings.free_steps,
            magnitude=settings.magnitude,
            mask=self.mask(inputs),
        )
        return self.model.decode(self.walked(x, edited, len(steps), run), like=video)
