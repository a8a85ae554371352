"""Uni-Inv and Uni-Edit at work (UniEdit-Flow, 2025).

The inversion goes up without a prompt; each step takes the velocity that the next level has there, so that
sampling, which asks at the same levels, finds its way back. On the way down, both prompts look at the same
latents, and where they differ the edit is carried further.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from ...cache import cached, content_hash
from ...inputs import Inputs
from ...sampling import Denoise, Schedule, clean_step, refuse_nan, sample
from ...typing import Latents
from ...video import Video
from ..flowedit.work import StraightEdit, spread
from ..method import Cost, Run
from . import UniEdit


def uni_invert(x: Latents, steps: Schedule, velocity: Denoise) -> Iterator[Latents]:
    """Yields the source's latents after each step towards noise.

    Args:
        x: The source's clean latents.
        steps: Steps along straight paths to the clean end, the noisiest first.
        velocity: Velocities without a prompt.
    """
    z = x
    v = velocity(x, clean_step(steps))
    for step in reversed(steps):
        # The step's noisy end is reached twice: by a guess that the network looks at, and then for good.
        up = step.start.noise - step.end.noise
        v = velocity(z + up * v, step)
        z = refuse_nan(z + up * v, step)
        yield z


def uniedit(
    z: Latents, steps: Schedule, source: Denoise, target: Denoise, *, omega: float, mask: Tensor | None = None
) -> Iterator[Latents]:
    """Yields the edit after each step from the inverted latents to clean ones.

    Args:
        z: The source's latents at the first step.
        steps: Steps along straight paths to the clean end.
        source: Velocities with the source's prompt, without guidance.
        target: Velocities with the target's prompt, without guidance.
        omega: How strongly differences are carried further.
        mask: Where the edit may go, [T, 1, h, w] from 0 to 1; everywhere if None.
    """
    for step in steps:
        a, b = source(z, step), target(z, step)
        g = b - a
        m = spread(g)
        # omega (1 + m) g, and a mix of both velocities: m b + (1 - m) a = a + m g.
        d = (omega * (1 + m) + m) * g
        z = refuse_nan(
            z + (step.end.noise - step.start.noise) * (a + (d if mask is None else mask * d)), step
        )
        yield z


@dataclass(frozen=True)
class UniEditWork(StraightEdit):
    """One edit on one model."""

    settings: UniEdit

    @property
    def taken(self) -> Schedule:
        """The steps that the source is inverted and edited in."""
        return self.steps[len(self.steps) - int(self.settings.strength * len(self.steps)) :]

    def cost(self, inputs: Inputs) -> Cost:
        """The cost: a pass for each level of the inversion, and two for each step back."""
        steps = len(self.taken)
        return self.cost_of(inputs, steps, 3 * steps + 1, again=2 * steps)

    def __call__(self, inputs: Inputs, run: Run) -> Video:
        """Inverts the video and edits it."""
        settings, video, steps = self.settings, inputs.video, self.taken
        assert video
        x = self.model.encode(video)
        if not steps:
            return self.model.decode(x, like=video)
        inverted, source = self.inverted(x, run), self.velocity(settings.source)
        if run.notes and run.notes.reconstructs:
            rebuilt = sample(source, inverted, steps)
            z = self.walked(inverted, rebuilt, len(steps), run, description="Reconstructing")
            run.notes.reconstructed(self.model.decode(z, like=video))
        target, mask = self.velocity(settings.target), self.mask(inputs)
        edited = uniedit(inverted, steps, source, target, omega=settings.correction, mask=mask)
        return self.model.decode(self.walked(inverted, edited, len(steps), run), like=video)

    def inverted(self, x: Latents, run: Run) -> Latents:
        """The source's latents at the first step, from the cache if it was inverted before."""
        steps, model = self.taken, self.model

        def compute() -> Latents:
            levels = uni_invert(x, steps, self.velocity(""))
            return self.walked(x, levels, len(steps), run, description="Inverting")

        if model.control.altered:  # What a user's hooks change can't be named.
            return compute()
        assert model.text
        key = {
            "kind": "uni-inversion-1",
            "model": model.identity(),
            "latents": content_hash(x),
            "text": content_hash(model.text("").states[None]),
            "frames": [hook.frames for hook in self.hooks],
            "levels": [(step.timestep, step.start.noise) for step in steps],
            "window": self.window,
        }
        return cached(key, compute).to(x)
