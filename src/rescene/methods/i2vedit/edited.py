"""One clip on its way from the source's noise to the edit, led by an edited first frame."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from ...attention import AttentionHook, Layer
from ...attention.temporal import (
    FollowMotion,
    KeptKeys,
    PrependKeys,
    RecordKeys,
    SingleToken,
    deep_layers,
)
from ...backbones import Branch, Condition, Picture
from ...backbones.changes import MotionLoRA
from ...progress import Progress, quiet
from ...sampling import Step, sample
from ...typing import Latents
from .matching import MatchSpatial
from .source import LatentsByLevel, SourceClip

Keep = Callable[[Callable[[], LatentsByLevel]], LatentsByLevel]


def compute_now(compute: Callable[[], LatentsByLevel]) -> LatentsByLevel:
    """Keeps nothing and finds nothing."""
    return compute()


@dataclass(frozen=True, kw_only=True)
class Following:
    """How an edit follows its source, worked out for one clip."""

    every_layer: range
    """The steps in which all temporal layers move as the source does."""
    deep_layers: range
    """Those in which the coarse ones do."""
    thresholds: Float[Tensor, " F"]
    """How much each frame's spatial attention may differ before it goes its own way; all 0 to go at once."""

    def hooks(self, step: int, layers: Iterable[Layer]) -> list[AttentionHook]:
        """What follows the source at a step; nothing if nothing does."""
        found: list[AttentionHook] = []
        if step in self.every_layer:
            found.append(FollowMotion(frozenset(layers)))
        elif step in self.deep_layers:
            found.append(FollowMotion(deep_layers(layers)))
        if self.thresholds.any():
            found.append(MatchSpatial(self.thresholds))
        return found


@dataclass(frozen=True, eq=False, kw_only=True)
class EditedClip:
    """A clip under edit."""

    source: SourceClip
    lead: Picture
    """The picture that leads it."""
    following: Following
    guidance_scale: float
    """At the last frame; it grows evenly from 1 at the first, which needs none."""
    start: Latents | None = None
    """Noise to start from; the source's own, from its inversion, if not given."""
    first: "EditedClip | None" = None
    """The clip whose keys this one looks at too ("skip-interval cross-attention")."""
    motion: MotionLoRA | None = None
    whole: bool = False
    """Whether later clips look at this one, so that all its latents are needed and not only the last."""
    progress: Progress = quiet
    description: str = "Editing"
    keep: Keep = compute_now
    """Finds the result of an earlier run, or keeps that of this one."""
    token: SingleToken = field(default_factory=SingleToken, repr=False)

    @cached_property
    def latents(self) -> LatentsByLevel:
        """Those before each step and the result, or only the result; in main memory."""
        return self.keep(self._sample)

    def _sample(self) -> LatentsByLevel:
        model, count = self.source.model, self.source.num_inference_steps
        noise = self.source.latents[-1] if self.start is None else self.start
        sampled = sample(self.denoise, noise.to(model.device), model.schedule(count))
        latents = [noise]
        for z in self.progress(sampled, description=self.description, total=count):
            latents = [*latents, z.cpu()] if self.whole else [z.cpu()]
        return torch.stack(latents)

    def denoise(self, z: Latents, step: Step) -> Latents:
        """The guided prediction."""
        first = [PrependKeys(self.first.keys(step))] if self.first else []
        without, towards = self.predict(z, step, *first)
        scales = torch.linspace(1, self.guidance_scale, len(z), device=without.device)
        return without + scales[:, None, None, None] * (towards - without)

    def keys(self, step: Step) -> dict[str, KeptKeys]:
        """What temporal attention looks up at a step, in all branches: computed again, never kept."""
        record = RecordKeys()
        self.predict(self.latents[step.index], step, record)
        return record.into

    def predict(self, z: Latents, step: Step, *hooks: AttentionHook) -> tuple[Tensor, Tensor]:
        """The predictions without and with the lead; the source runs along if the edit follows it."""
        model = self.source.model
        following = self.following.hooks(step.index, model.control.layers)
        source = [self.source.branch(step.index)] if following else []
        edit = [Branch(z, step, Condition(picture=lead)) for lead in (self.lead.without(), self.lead)]
        # The motion LoRA holds for all branches except the source's.
        moving = [replace(self.motion, skip=len(source))] if self.motion else []
        with model.changed(*moving, *hooks, *following, self.token):
            *_, without, towards = model.predict(*source, *edit)
        return without, towards
