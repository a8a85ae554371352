"""What every method should beat: doing nothing, and editing each frame by itself."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ..backbones import Backbone
from ..methods import Method, Notes, TextEdit, quiet
from ..methods.trajectory import Source
from ..sampling import Step, classifier_free, noised
from ..sampling.noise import frame_noise
from ..typing import Latents, Progress
from ..video import Video

BATCH = 8
"""Frames that the network sees at once; each is edited by itself all the same."""


@dataclass(frozen=True, kw_only=True)
class Nothing(TextEdit):
    """Returns the source: what the way to the model's size and back leaves of it."""

    def __call__(
        self, model: Backbone, video: Video, *, progress: Progress = quiet, notes: Notes | None = None
    ) -> Video:
        """The video as it came."""
        return video


@dataclass(frozen=True, kw_only=True)
class SDEdit(TextEdit):
    """Noises every frame by itself and denoises it towards the target (Meng et al., ICLR 2022)."""

    strength: float = 0.6
    """Share of the steps that are taken: how much noise is added."""
    seed: int = 0
    """Draws the noise."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.strength <= 1:
            raise ValueError(f"strength is {self.strength}; it must be above 0 and at most 1, 0.6 is usual")

    def __call__(
        self, model: Backbone, video: Video, *, progress: Progress = quiet, notes: Notes | None = None
    ) -> Video:
        """Edits the video frame by frame."""
        schedule = model.schedule(self.num_inference_steps)
        schedule = schedule[-max(1, round(self.strength * len(schedule))) :]
        clean = model.encode(video)
        noise = frame_noise(clean.shape[1:], range(len(clean)), self.seed).to(clean)
        return _sampled(self, model, noised(clean, noise, schedule[0].start), schedule, video, progress)


@dataclass(frozen=True, kw_only=True)
class DDIMInversion(TextEdit):
    """Inverts every frame by itself and denoises it towards the target (Song et al., ICLR 2021, §4.3)."""

    def __call__(
        self, model: Backbone, video: Video, *, progress: Progress = quiet, notes: Notes | None = None
    ) -> Video:
        """Edits the video frame by frame."""
        schedule, clean = model.schedule(self.num_inference_steps), model.encode(video)
        source = Source(model, model.embed(self.source), clean, BATCH)
        start = source.ddim(schedule, progress).latents[0].to(clean)
        return _sampled(self, model, start, schedule, video, progress)


BASELINES: dict[str, type[Method]] = {"nothing": Nothing, "sdedit": SDEdit, "ddim": DDIMInversion}
"""By the names that settings use."""


def _sampled(
    edit: TextEdit, model: Backbone, z: Latents, schedule: list[Step], like: Video, progress: Progress
) -> Video:
    """Denoises towards the target with classifier-free guidance."""
    denoise = _guided(model, edit)
    *_, z = progress(model.sample(denoise, z, schedule), description="Editing", total=len(schedule))
    return model.decode(z, like=like)


def _guided(model: Backbone, edit: TextEdit) -> Callable[[Latents, Step], Latents]:
    negative, target = model.embed(edit.negative_prompt), model.embed(edit.target)

    def denoise(z: Latents, step: Step) -> Latents:
        guided: list[Latents] = []
        for some in z.split(BATCH):
            without, towards = model.predict(step, (some, negative), (some, target))
            guided.append(classifier_free(without, towards, edit.guidance_scale))
        return torch.cat(guided)

    return denoise
