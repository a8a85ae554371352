"""What every method should beat: doing nothing, and editing each frame by itself."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Literal

import torch

from ..backbones import Backbone
from ..fields import Window
from ..methods import Method, Notes, TextEdit, TokenFlow, quiet
from ..methods.branches import Branches
from ..methods.conditions import Conditions
from ..methods.joint_pivots import JointPivots
from ..methods.trajectory import Source
from ..progress import Progress
from ..sampling import Step, classifier_free, noised
from ..sampling.noise import frame_noise
from ..typing import Latents
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


@dataclass(frozen=True, kw_only=True)
class PlugAndPlay(TextEdit):
    """Puts the source's features and attention into every frame by itself (Tumanyan et al., CVPR 2023).

    TokenFlow with base `pnp` and the same settings does the same to each pivot, but jointly.
    """

    inversion: Literal["ddpm", "ddim"] = "ddim"
    """As TokenFlow's; `ddim` as published. With `ddpm` frames share noise, which alone steadies them."""
    strength: float = TokenFlow.strength
    """Share of the steps that are taken, as TokenFlow's."""
    feature_window: Window = TokenFlow.feature_window
    """Likewise."""
    attention_window: Window = TokenFlow.attention_window
    """Likewise."""
    seed: int = 0
    """Draws the noise."""

    def __call__(
        self, model: Backbone, video: Video, *, progress: Progress = quiet, notes: Notes | None = None
    ) -> Video:
        """Edits the video frame by frame."""
        edit = TokenFlow(**{own.name: getattr(self, own.name) for own in fields(self)})
        source = Source(model, model.embed(self.source), model.encode(video), BATCH)
        trajectory, schedule = edit.invert(source, progress), edit.schedule(model)
        branches = edit.branches(model, trajectory, Conditions())
        z = edit.start(trajectory, model.schedule(self.num_inference_steps)[0], schedule[0])
        samples = trajectory.sample(model, _led(branches, self.guidance_scale), z, schedule)
        *_, z = progress(samples, description="Editing", total=len(schedule))
        return model.decode(z, like=video)


BASELINES: dict[str, type[Method]] = {
    "nothing": Nothing,
    "sdedit": SDEdit,
    "ddim": DDIMInversion,
    "pnp": PlugAndPlay,
}
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


def _led(branches: Branches, guidance_scale: float) -> Callable[[Latents, Step], Latents]:
    def denoise(z: Latents, step: Step) -> Latents:
        guided: list[Latents] = []
        for start in range(0, len(z), BATCH):
            frames = list(range(start, min(start + BATCH, len(z))))
            led = JointPivots(branches, z, step, frames).put_in
            without, towards = branches.run_edited(z, step, frames, *led)
            guided.append(classifier_free(without, towards, guidance_scale))
        return torch.cat(guided)

    return denoise
