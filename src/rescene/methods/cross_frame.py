"""Frames that attend to the first one: what all modes of Text2Video-Zero share.

Khachatryan et al., "Text2Video-Zero", ICCV 2023: self-attention becomes attention on the first frame.

The first frame, the anchor, attends to itself alone, so it needs no other frame. At each step it is denoised
first; its keys and values are kept for that step, and the other frames follow a few at a time. Memory doesn't
grow with the clip, and how many frames are computed together makes no difference to the result.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import torch

from ..attention import AttentionControl, AttentionHook, Call
from ..attention.hooks import Attend
from ..attention.layers import Layer
from ..attention.merging import MergeTokens
from ..backbones import Backbone
from ..sampling import Step
from ..sampling.noise import ancestral
from ..typing import Keys, Latents, Queries

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
        return layer.is_self

    def around_attention(self, call: Call, q: Queries, k: Keys, v: Keys, proceed: Attend) -> Queries:
        anchor = self.kept.setdefault(call.step, {})
        if call.layer.name not in anchor:
            anchor[call.layer.name] = k, v
            return proceed(q, k, v)
        # A branch's frames ask the same keys: their queries are one long row, and no key is copied.
        asking = q.unflatten(0, (-1, call.frames)).transpose(1, 2).flatten(2, 3)
        answers = proceed(asking, *anchor[call.layer.name])
        return answers.unflatten(2, (call.frames, -1)).transpose(1, 2).flatten(0, 1)


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
    _ahead: dict[int, Latents] = field(default_factory=dict, init=False, repr=False)

    def sample(self, z: Latents, schedule: Iterable[Step]) -> Iterator[Latents]:
        """Yields the latents of all frames after each step."""
        for step in schedule:
            anchor = self._ahead.pop(step.index) if step.index in self._ahead else self.lead(z[:1], step)
            others = self._follow(z[1:], step)
            self._forget(step)
            z = torch.cat([anchor, others])
            yield z

    def lead(self, anchor: Latents, step: Step) -> Latents:
        """Takes the anchor one step on."""
        return self._advance(anchor, step, ANCHOR)

    def lead_alone(self, anchor: Latents, step: Step) -> Latents:
        """Takes the anchor through a step that no other frame will take."""
        z = self.lead(anchor, step)
        self._forget(step)
        return z

    def lead_ahead(self, anchor: Latents, step: Step) -> Latents:
        """Takes the anchor through a step that the others take later: then it isn't computed again."""
        self._ahead[step.index] = self.lead(anchor, step)
        return self._ahead[step.index]

    def _follow(self, z: Latents, step: Step) -> Latents:
        batches, start = [z[:0]], 1
        for part in z.split(self.frames_per_batch) if len(z) else ():
            batches.append(self._advance(part, step, slice(start, start + len(part))))
            start += len(part)
        return torch.cat(batches)

    def _forget(self, step: Step) -> None:
        for anchor in self.anchors.values():
            anchor.kept.pop(step.index, None)

    def _advance(self, z: Latents, step: Step, frames: slice) -> Latents:
        step, fresh = ancestral(step, self.eta)
        with self._hooked(frames):
            (z,) = self.model.sample(lambda x, at: self.denoise(x, at, frames), z, [step])
        return z + fresh * self.noise(step, frames).to(z) if fresh and self.noise else z

    @contextmanager
    def _hooked(self, frames: slice) -> Iterator[None]:
        watch = (self.watch(frames),) if self.watch else ()
        with ExitStack() as stack:
            stack.enter_context(self.model.hooked(*self.hooks, *watch))
            for network, anchor in self.anchors.items():
                stack.enter_context(network.hooked(anchor))
            yield


@dataclass(frozen=True, kw_only=True)
class CrossFrameSettings:
    """The fields that all modes share."""

    negative_prompt: str = ""
    """What to keep out of the result."""
    num_inference_steps: int = 50
    """Denoising steps: more give finer detail and take longer."""
    guidance_scale: float = 7.5
    """How strongly the prompt pulls. Turn it up when the prompt is ignored, down when colours burn."""
    seed: int = 0
    """Another seed gives another result; the same one gives the same, on any machine."""
    cross_frame: bool = True
    """Whether frames attend to the first one; without, they share its noise at most."""
    merging_ratio: float = 0.0
    """Share of the positions to merge in the largest attention layers, at most 0.75: faster, but coarser."""
    frames_per_batch: int = 4
    """Frames computed together: more are faster and take more memory; the result stays the same."""

    def __post_init__(self) -> None:
        if self.num_inference_steps < 1:
            raise ValueError(f"num_inference_steps is {self.num_inference_steps}; it must be at least 1")
        if self.guidance_scale < 0:
            raise ValueError(f"guidance_scale is {self.guidance_scale}; it must not be negative")
        if self.frames_per_batch < 1:
            raise ValueError(f"frames_per_batch is {self.frames_per_batch}; it must be at least 1")
        MergeTokens(self.merging_ratio)

    @property
    def prompts(self) -> tuple[str, ...]:
        """All that the text encoder will read."""
        return (self.negative_prompt,)

    def sampler(self, model: Backbone, denoise: FrameDenoise, *others: AttentionControl) -> CrossFrame:
        """Denoises as the settings say; frames attend to the anchor in the model and in `others`."""
        return CrossFrame(
            model=model,
            denoise=denoise,
            anchors={net: AnchorKeys() for net in (model.hooks, *others)} if self.cross_frame else {},
            frames_per_batch=self.frames_per_batch,
            hooks=self.hooks(),
        )

    def hooks(self) -> tuple[AttentionHook, ...]:
        """The hooks that the settings ask for."""
        return (MergeTokens(self.merging_ratio, self.seed),) if self.merging_ratio else ()
