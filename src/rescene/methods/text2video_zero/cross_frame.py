"""Frames that attend to the first one: what all modes of Text2Video-Zero share.

Khachatryan et al., "Text2Video-Zero", ICCV 2023: self-attention becomes attention on the first frame.

The first frame, the anchor, attends to itself alone, so it needs no other frame. At each step it is denoised
first; its keys and values are kept for that step, and the other frames follow a few at a time. Memory doesn't
grow with the clip, and how many frames are computed together makes no difference to the result.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import torch

from ...attention import Attend, AttentionControl, AttentionHook, Call, Layer
from ...backbones import Backbone
from ...sampling import Schedule, Step, sample
from ...sampling.noise import ancestral
from ...typing import Keys, Latents, Queries
from ...video import Video
from ..cost import EDITED, latent_bytes, latent_size
from ..held import Held
from ..method import Cost
from . import CrossFrameSettings
from .merging import MergeTokens

FrameDenoise = Callable[[Latents, Step, slice], Latents]
"""The network's prediction for the latents of the given frames of the clip."""
FrameNoise = Callable[[Step, slice], Latents]
"""Fresh noise for a step of the given frames."""
FrameWatch = Callable[[slice], AttentionHook]
"""A hook that looks on while the given frames are denoised."""

ANCHOR = slice(0, 1)


@dataclass(frozen=True)
class AnchorKeys(AttentionHook):
    """Frames attend to the anchor's keys and values; at each step the anchor comes by first."""

    kept: dict[int, dict[str, tuple[Keys, Keys]]] = field(default_factory=dict, repr=False)
    """The anchor's keys and values by step and layer."""

    def applies(self, layer: Layer) -> bool:
        return layer.attends == "frame"

    def around_attention(self, call: Call, q: Queries, k: Keys, v: Keys, proceed: Attend) -> Queries:
        anchor = self.kept.setdefault(call.step, {})
        if call.layer.name not in anchor:
            anchor[call.layer.name] = k, v
            return proceed(q, k, v)
        # A branch's frames ask the same keys: their queries are one long row, and no key is copied.
        asking = q.unflatten(0, (-1, call.times)).transpose(1, 2).flatten(2, 3)
        answers = proceed(asking, *anchor[call.layer.name])
        return answers.unflatten(2, (call.times, -1)).transpose(1, 2).flatten(0, 1)


@dataclass(frozen=True, kw_only=True)
class CrossFrame:
    """Denoises a clip whose frame 0 is the anchor."""

    model: Backbone
    denoise: FrameDenoise
    anchors: Mapping[AttentionControl, AnchorKeys]
    """The networks in which frames attend to the anchor; if there are none, each attends to itself."""
    frames_per_batch: int
    hooks: tuple[AttentionHook, ...] = ()
    """Further hooks for the model, outside the anchor's."""
    watch: FrameWatch | None = None
    eta: float = 0.0
    """How random the steps are, from 0 to 1; see `sampling.noise.ancestral`."""
    noise: FrameNoise | None = None
    """Draws what random steps add."""
    held: Held | None = None
    """What latents are outside a mask after each step."""
    _ahead: dict[int, Latents] = field(default_factory=dict, init=False, repr=False)

    def sample(self, z: Latents, schedule: Schedule) -> Iterator[Latents]:
        """Yields the latents of all frames after each step."""
        for step in schedule:
            at = schedule.alone(step)
            anchor = self._ahead.pop(step.index) if step.index in self._ahead else self.lead(z[:1], at)
            others = self._follow(z[1:], at)
            self._forget(step)
            z = torch.cat([anchor, others])
            yield z

    def lead(self, anchor: Latents, at: Schedule) -> Latents:
        """Takes the anchor one step on."""
        return self._advance(anchor, at, ANCHOR)

    def lead_alone(self, anchor: Latents, at: Schedule) -> Latents:
        """Takes the anchor through a step that no other frame will take."""
        z = self.lead(anchor, at)
        self._forget(at[0])
        return z

    def lead_ahead(self, anchor: Latents, at: Schedule) -> Latents:
        """Takes the anchor through a step that the others take later: then it isn't computed again."""
        self._ahead[at[0].index] = self.lead(anchor, at)
        return self._ahead[at[0].index]

    def _follow(self, z: Latents, at: Schedule) -> Latents:
        batches, start = [z[:0]], 1
        for part in z.split(self.frames_per_batch) if len(z) else ():
            batches.append(self._advance(part, at, slice(start, start + len(part))))
            start += len(part)
        return torch.cat(batches)

    def _forget(self, step: Step) -> None:
        for anchor in self.anchors.values():
            anchor.kept.pop(step.index, None)

    def _advance(self, z: Latents, at: Schedule, frames: slice) -> Latents:
        """One step of some frames; `at` is the schedule of this step alone."""
        step, fresh = ancestral(at[0], self.eta)
        with self._changed(frames):
            (z,) = sample(lambda x, now: self.denoise(x, now, frames), z, at.alone(step))
        z = z + fresh * self.noise(step, frames).to(z) if fresh and self.noise else z
        return self.held.of(frames)(z, at[0]) if self.held else z

    @contextmanager
    def _changed(self, frames: slice) -> Iterator[None]:
        watch = (self.watch(frames),) if self.watch else ()
        with ExitStack() as stack:
            stack.enter_context(self.model.changed(*self.hooks, *watch))
            for network, anchor in self.anchors.items():
                stack.enter_context(network.changed(anchor))
            yield


@dataclass(frozen=True)
class CrossFrameWork:
    """The part that all modes share."""

    settings: CrossFrameSettings
    model: Backbone

    def sampler(self, denoise: FrameDenoise, *others: AttentionControl) -> CrossFrame:
        """Denoises as the settings say; frames attend to the anchor in the model and in `others`."""
        networks = (self.model.control, *others) if self.settings.cross_frame else ()
        return CrossFrame(
            model=self.model,
            denoise=denoise,
            anchors={network: AnchorKeys() for network in networks},
            frames_per_batch=self.settings.frames_per_batch,
            hooks=self.hooks(),
        )

    def hooks(self) -> tuple[AttentionHook, ...]:
        """The hooks that the settings ask for."""
        settings = self.settings
        return (MergeTokens(settings.merging_ratio, settings.seed),) if settings.merging_ratio else ()

    def cost_of(self, video: Video, passes: float, *, branches: int = EDITED, weights: int = 0) -> Cost:
        """The cost of a clip of which each frame is seen so often at each step.

        Args:
            video: The clip.
            passes: Evaluations of a frame and step.
            branches: Branches of a pass.
            weights: Bytes of networks beside the model.
        """
        model, settings = self.model, self.settings
        together = branches * min(len(video), settings.frames_per_batch)
        return Cost(
            steps=settings.num_inference_steps,
            evaluations=round(len(video) * settings.num_inference_steps * passes),
            memory={
                "weights": model.weight_bytes() + weights,
                "latents": 2 * latent_bytes(model, video),
                "activations": together * model.activation_bytes(latent_size(model, video)),
            },
        )
