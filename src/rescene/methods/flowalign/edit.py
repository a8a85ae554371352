"""FlowAlign at work (Kim et al., ICLR 2026).

As in FlowEdit, the edit (p) and the source (q) are noised alike at each level. Guidance goes from the source
prompt to the target prompt on the edit alone, and a second term pulls the edit's clean estimate towards the
source's.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from ...inputs import Inputs
from ...sampling import Denoise, Schedule, classifier_free, refuse_nan
from ...typing import Latents
from ...video import Video
from ..flowedit.work import Draw, StraightEdit
from ..method import Cost, Run
from . import FlowAlign

PASSES = 3


def flowalign(
    x: Latents,
    steps: Schedule,
    source: Denoise,
    target: Denoise,
    *,
    draw: Draw,
    scale: float,
    zeta: float,
    mask: Tensor | None = None,
) -> Iterator[Latents]:
    """Yields the edit after each step.

    Args:
        x: The source's clean latents.
        steps: The steps that the edit takes, along straight paths.
        source: Velocities with the source's prompt, without guidance.
        target: Velocities with the target's prompt, without guidance.
        draw: Standard normal noise.
        scale: Guidance from the source prompt to the target prompt: w.
        zeta: The pull of the source's clean estimate.
        mask: Where the edit may go, [T, 1, h, w] from 0 to 1; everywhere if None.
    """
    z = x
    for step in steps:
        s, after = step.start.noise, step.end.noise
        q = (1 - s) * x + s * draw(step.index, 0)
        p = q + (z - x)
        a = source(q, step)
        g = classifier_free(source(p, step), target(p, step), scale)
        move = (after - s) * (g - a) + zeta * ((q - s * a) - (p - s * g))
        z = refuse_nan(z + (move if mask is None else mask * move), step)
        yield z


@dataclass(frozen=True)
class FlowAlignWork(StraightEdit):
    """One edit on one model."""

    settings: FlowAlign

    def cost(self, inputs: Inputs) -> Cost:
        """The cost: the source with its prompt, and the edit with both."""
        return self.cost_of(inputs, len(self.taken), PASSES * len(self.taken))

    def __call__(self, inputs: Inputs, run: Run) -> Video:
        """Edits the video."""
        settings, video = self.settings, inputs.video
        assert video
        x, steps = self.model.encode(video), self.taken
        edited = flowalign(
            x,
            steps,
            self.velocity(settings.source),
            self.velocity(settings.target),
            draw=self.fresh(x, settings.seed),
            scale=settings.guidance_scale,
            zeta=settings.alignment,
            mask=self.mask(inputs),
        )
        return self.model.decode(self.walked(x, edited, len(steps), run), like=video)
