"""A source video carried back to noise: where edits start, and what they look up on the way."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...attention import Attention, AttentionHook, LayerPredicate, Record, WatchWords
from ...backbones import Backbone, Branch, Condition, Text
from ...backbones.changes import ClipNorms
from ...cache import cached, content_hash
from ...progress import Progress
from ...sampling import Schedule, Step, sample
from ...typing import Latents
from ...video import Video

LatentsByLevel = Float[Tensor, "S T C h w"]


@dataclass(frozen=True)
class Inversion:
    """The trajectory of a video's latents from clean to noise (DDIM inversion; Song et al., 2021, §4.3)."""

    video: Video
    latents: LatentsByLevel
    """The clean latents first, then those after each inversion step, the noisiest last; in main memory."""

    @property
    def noise(self) -> Latents:
        """Where edits start."""
        return self.latents[-1]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the latents."""
        return self.latents.shape[-2], self.latents.shape[-1]

    def at(self, step: int) -> Latents:
        """The source at the clean end of sampling step `step`: what the inversion fed the network there."""
        return self.latents[len(self.latents) - 2 - step]


@dataclass(frozen=True)
class SourceBranch:
    """The source video in the network, with its own prompt and without guidance."""

    model: Backbone
    text: Text
    frames: AttentionHook
    """How frames attend to each other."""
    layers: LayerPredicate
    """Where queries and keys are worth keeping."""
    word_layers: LayerPredicate
    """Where cross-attention shows the words."""

    def predict(self, z: Latents, step: Step) -> Latents:
        """The network's prediction."""
        with self.model.changed(ClipNorms(), self.frames):
            branch = Branch(z.to(self.model.device), step, Condition(text=self.text))
            return self.model.predict(branch)[0]

    def attend(self, z: Latents, step: Step) -> tuple[Latents, Attention]:
        """The network's prediction, and how it attended: queries, keys and the `heat` of the words."""
        record, watch = Record(self.layers), WatchWords(self.word_layers)
        with self.model.changed(record, watch):
            prediction = self.predict(z, step)
        return prediction, {**record.into, "heat": watch.heat()}

    def reconstruct(self, inversion: Inversion, progress: Progress) -> Video:
        """Samples back from the noise: all that an edit could preserve."""
        schedule = self.model.schedule(len(inversion.latents) - 1)
        start = inversion.noise.to(self.model.device)
        samples = sample(self.predict, start, schedule)
        *_, z = progress(samples, description="Reconstructing", total=len(schedule))
        return self.model.decode(z, like=inversion.video)


def invert(
    source: SourceBranch,
    clean: Latents,
    schedule: Schedule,
    *,
    predict: Callable[[Latents, Step], Latents],
    progress: Progress,
) -> LatentsByLevel:
    """Carries latents from clean to noise, or returns the trajectory that an earlier run kept.

    Args:
        source: What is inverted.
        clean: The video's latents.
        schedule: The steps, from noise to video.
        predict: `source.predict`, or the same with something kept by the way.
        progress: Reports the steps.
    """
    model = source.model

    def compute() -> LatentsByLevel:
        inverted = sample(predict, clean, schedule.inverted())
        return torch.stack(
            [
                clean.cpu(),
                *(z.cpu() for z in progress(inverted, description="Inverting", total=len(schedule))),
            ]
        )

    frames = repr(source.frames)
    # Hooks of the user's may do anything, and an address says nothing: neither can be named in a key.
    if model.control.altered or " at 0x" in frames:
        return compute()
    key = {
        "kind": "ddim-inversion-1",
        "model": model.identity(),
        "latents": content_hash(clean),
        "text": content_hash(source.text.states[None]),
        "frames": frames,
        "timesteps": [step.timestep for step in schedule],
    }
    return cached(key, compute)
