"""Motion LoRA (I2VEdit, Ouyang et al., SIGGRAPH Asia 2024): a video model learns how one clip moves."""

import math
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..attention.temporal import KeptKeys, PrependKeys
from ..backbones import Backbone, Branch, Condition, Picture
from ..backbones.changes import MotionLoRA, Recomputed
from ..progress import Progress
from ..sampling import Level, Step, wanted_velocity
from ..sampling.noise import frame_noise
from ..typing import Latents
from ..video import Video
from .folder import TrainingFolder
from .loop import train
from .settings import MotionTuning

SIGMA_MIN, SIGMA_MAX = 0.002, 700.0
NOISE_SHRINK = (1.0, 0.5)
"""Cosine schedules for images half as large as, and as large as, those that its authors had (64 pixels)."""
KeysAt = Callable[[float], Mapping[str, KeptKeys]]
"""What another clip's temporal attention looks up at a level of noise, in units of the signal."""


def tune(
    settings: MotionTuning,
    model: Backbone,
    clip: Video,
    *,
    first_keys: KeysAt | None,
    progress: Progress,
    folder: TrainingFolder | None,
    at_checkpoint: Callable[[MotionLoRA, int], None] | None,
) -> MotionLoRA:
    """Tunes a model. See `MotionTuning`."""
    if len(clip) < 2:
        raise ValueError("the clip has one frame, which shows no motion; tuning takes 2 or more")
    if folder:
        folder.check()
    lora = MotionLoRA.fresh(model, rank=settings.rank, dropout=settings.dropout, seed=settings.seed)
    with model.changed(*[Recomputed()] if settings.gradient_checkpointing else []):
        train(
            lora.weights(),
            {"clip": lesson(model, lora, clip, first_keys, seed=settings.seed)},
            settings,
            progress=progress,
            folder=folder,
            at_checkpoint=at_checkpoint and partial(at_checkpoint, lora),
        )
    lora.freeze()
    return lora


@dataclass(frozen=True, eq=False)
class MotionLesson:
    """The clip at a random level of noise, led by its first frame."""

    model: Backbone
    lora: MotionLoRA
    clean: Latents
    picture: Picture
    first_keys: KeysAt | None = None

    @contextmanager
    def __call__(self, draw: torch.Generator) -> Generator[Tensor]:
        """Opens a block in which the loss can be computed backwards.

        EDM weighs errors of the clean latents by (1 + σ²) / σ², which makes it the error of the network's own
        prediction.
        """
        noise, augmentation, sigma = self.drawn(draw)
        level = Level(1 / math.hypot(1, sigma), sigma / math.hypot(1, sigma))
        step = Step(0, math.log(sigma) / 4, level, level)
        condition = Condition(picture=self.picture.noised(augmentation))
        first = [PrependKeys(self.first_keys(sigma))] if self.first_keys else []
        # Dropout draws from the one generator that all share.
        devices = [] if self.model.device.type == "cpu" else [self.model.device]
        with torch.random.fork_rng(devices=devices), self.model.changed(self.lora, *first):
            torch.manual_seed(draw.initial_seed())
            noisy = level.signal * self.clean + level.noise * noise
            (prediction,) = self.model.predict(Branch(noisy, step, condition))
            yield F.mse_loss(prediction, wanted_velocity(self.clean, noise, level))

    def drawn(self, draw: torch.Generator) -> tuple[Latents, Float[Tensor, "1 C h w"], float]:
        """Noise for the clip and for its picture, and how much of it the clip gets."""
        noise = torch.randn(self.clean.shape, generator=draw).to(self.clean)
        augmentation = torch.randn(self.picture.latents.shape, generator=draw).to(self.picture.latents)
        return noise, augmentation, training_sigma(float(torch.rand((), generator=draw)))


def lesson(
    model: Backbone, lora: MotionLoRA, clip: Video, first_keys: KeysAt | None = None, *, seed: int
) -> MotionLesson:
    """What a clip teaches."""
    shape = model.latent_channels, clip.height // model.grid.space, clip.width // model.grid.space
    clean = model.encode(clip, noise=frame_noise(shape, range(len(clip)), seed, "training latents"))
    picture = model.picture(clip[:1].frames, fps=float(clip.fps), latents=clean[:1])
    return MotionLesson(model, lora, clean.to(model.device), picture, first_keys)


def training_sigma(share: float) -> float:
    """How much noise to train with: an interpolated cosine schedule (Hoogeboom et al., 2023).

    Args:
        share: In [0, 1]; evenly distributed shares give noise as published, from 700 down to 0.002.
    """
    logs: list[float] = []
    for shrink in NOISE_SHRINK:
        top, bottom = math.atan(SIGMA_MAX / shrink), math.atan(SIGMA_MIN / shrink)
        logs.append(math.log(shrink * math.tan(top + share * (bottom - top))))
    return math.exp((1 - share) * logs[0] + share * logs[1])
