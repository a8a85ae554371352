"""Motion LoRA (I2VEdit, Ouyang et al., SIGGRAPH Asia 2024): a video model learns how one clip moves."""

import math
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..attention.temporal import KeptKeys, PrependKeys
from ..backbones.motion_lora import MotionLoRA
from ..backbones.stable_video import AUGMENTATION, Branch, Lead, StableVideo, counted
from ..inflation import recomputed
from ..progress import Progress, quiet
from ..sampling import Level, Step, wanted_velocity
from ..sampling.noise import frame_noise
from ..typing import Latents
from ..video import Video
from .folder import TrainingFolder
from .loop import TrainingSettings, train

SIGMA_MIN, SIGMA_MAX = 0.002, 700.0
NOISE_SHRINK = (1.0, 0.5)
"""Cosine schedules for images half as large as, and as large as, those that its authors had (64 pixels)."""
KeysAt = Callable[[float], Mapping[str, KeptKeys]]
"""What another clip's temporal attention looks up at a level of noise, in units of the signal."""
BLOCKS = r"(attentions|resnets)\.\d+$"
"""What computes its activations twice: all transformers and residual blocks."""


@dataclass(frozen=True, kw_only=True)
class MotionTuning(TrainingSettings):
    """Teaches a video model how one clip moves (I2VEdit, SIGGRAPH Asia 2024)."""

    rank: int = 32
    """Of the changes to each layer: more learn finer motion, and more of the clip's look with it."""
    dropout: float = 0.1
    """Share of the layers' inputs that are dropped, so that less is learnt by heart."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rank < 1:
            raise ValueError(f"rank is {self.rank}; it must be at least 1, 32 is usual")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}; it must be at least 0 and below 1, 0.1 is usual")

    @property
    def published(self) -> tuple[int, float]:
        """250 steps of 5e-4."""
        return 250, 5e-4

    def __call__(
        self,
        model: StableVideo,
        clip: Video,
        *,
        first_keys: KeysAt | None = None,
        progress: Progress = quiet,
        folder: TrainingFolder | None = None,
        at_checkpoint: Callable[[MotionLoRA, int], None] | None = None,
    ) -> MotionLoRA:
        """Tunes the model to the clip; afterwards it is what it was, and the LoRA holds the difference.

        Args:
            model: Stable Video Diffusion, which computes in its own precision.
            clip: As many frames as are to be edited together.
            first_keys: Those of the video's first clip, if this is a later one that is to look at it as its
                edit will ("skip-interval cross-attention").
            progress: Reports the steps.
            folder: Where to keep checkpoints, or to go on from; see `config`.
            at_checkpoint: Called with the LoRA and the number of steps done.

        Raises:
            ValueError: If the clip has one frame, its size doesn't fit, or the folder belongs to another
                training.
            FloatingPointError: If the loss becomes NaN.
        """
        if len(clip) < 2:
            raise ValueError("the clip has one frame, which shows no motion; tuning takes 2 or more")
        if folder:
            folder.verify()
        lora = MotionLoRA.fresh(model, rank=self.rank, dropout=self.dropout, seed=self.seed)
        with recomputed(model.unet, BLOCKS) if self.gradient_checkpointing else nullcontext():
            train(
                lora.weights(),
                {"clip": lesson(model, lora, clip, first_keys, seed=self.seed)},
                self,
                progress=progress,
                folder=folder,
                at_checkpoint=at_checkpoint and partial(at_checkpoint, lora),
            )
        lora.freeze()
        return lora

    def config(self, model: StableVideo, video: object) -> dict[str, object]:
        """All that decides the result but how long it takes, for a `TrainingFolder`.

        Args:
            model: The model.
            video: What names the frames, as a JSON value.
        """
        return {**self.deciding, "video": video, "model": model.fingerprint()}


@dataclass(frozen=True, eq=False)
class MotionLesson:
    """The clip at a random level of noise, led by its first frame."""

    model: StableVideo
    lora: MotionLoRA
    clean: Latents
    lead: Lead
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
        lead = replace(self.lead, image=self.lead.image + AUGMENTATION * augmentation)
        first = [PrependKeys(self.first_keys(sigma))] if self.first_keys else []
        # Dropout draws from the one generator that all share.
        devices = [] if self.model.device.type == "cpu" else [self.model.device]
        with torch.random.fork_rng(devices=devices), self.lora.on(self.model), self.model.hooked(*first):
            torch.manual_seed(draw.initial_seed())
            noisy = level.signal * self.clean + level.noise * noise
            (prediction,) = self.model.predict(Branch(noisy, step, lead))
            yield F.mse_loss(prediction, wanted_velocity(self.clean, noise, level))

    def drawn(self, draw: torch.Generator) -> tuple[Latents, Float[Tensor, "1 C h w"], float]:
        """Noise for the clip and for its lead, and how much of it the clip gets."""
        noise = torch.randn(self.clean.shape, generator=draw).to(self.clean)
        augmentation = torch.randn(self.lead.image.shape, generator=draw).to(self.lead.image)
        return noise, augmentation, training_sigma(float(torch.rand((), generator=draw)))


def lesson(
    model: StableVideo, lora: MotionLoRA, clip: Video, first_keys: KeysAt | None = None, *, seed: int
) -> MotionLesson:
    """What a clip teaches."""
    frames, scale = clip.frames, model.scale
    shape = model.vae.config.latent_channels, clip.height // scale, clip.width // scale
    clean = model.encode(frames, frame_noise(shape, range(len(clip)), seed, "training latents"))
    image = clean[:1] / model.vae.config.scaling_factor
    lead = Lead(model.embed(frames[:1]), image, counted(clip.fps))
    return MotionLesson(model, lora, clean.to(model.device), lead, first_keys)


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
