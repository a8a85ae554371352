"""One-shot tuning: an image model learns the motion of one clip (Wu et al., Tune-A-Video, ICCV 2023).

Frames attend to the first and to the previous one, and positions to themselves over time. Trained are the
queries and the layers over time. FateZero (Qi et al., ICCV 2023) adds convolutions over time, and lessons
with images of the same class, so that the model doesn't forget what else such things look like.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ..adapters import About, Adapter
from ..backbones import StableDiffusion
from ..backbones.parts import network_hash
from ..progress import Progress, quiet
from ..typing import Latents, Text
from ..video import Video
from .class_images import class_images
from .folder import TrainingFolder
from .loop import Objective, TrainingSettings, train

Variant = Literal["tune-a-video", "fatezero"]
RANK = 160
"""Of FateZero's convolutions over time."""
FRAME_KEYS: dict[Variant, tuple[str, ...]] = {
    "tune-a-video": ("first", "previous"),
    "fatezero": ("previous", "first"),
}


@dataclass(frozen=True, kw_only=True)
class OneShot(TrainingSettings):
    """Teaches an image model the motion of one clip (Tune-A-Video, ICCV 2023; FateZero, ICCV 2023)."""

    prompt: str
    """What the clip shows, in plain words: what moves, what it does and where."""
    variant: Variant = "tune-a-video"
    """What is trained: queries and attention over time (`tune-a-video`), or convolutions over time besides
    (`fatezero`), for edits of shape with `rescene edit ... fatezero --motion`."""
    class_prompt: str = ""
    """What the clip's subject is one of, such as "a photo of a car": images of it are made first, and their
    lessons alternate with those of the clip. Without, the model may forget how other cars look."""
    class_negative_prompt: str = ""
    """What to keep out of those images."""
    class_images: int = 32
    """How many to make."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.prompt.strip():
            raise ValueError("the prompt is empty; say in a few words what the clip shows")
        if self.class_images < 1:
            raise ValueError(f"class_images is {self.class_images}; it must be at least 1")
        if self.class_negative_prompt and not self.class_prompt:
            raise ValueError("class_negative_prompt belongs to images that only a class_prompt asks for")

    @property
    def published(self) -> tuple[int, float]:
        """500 steps of 3e-5; FateZero's checkpoints were taken after 150 to 250 steps of 1e-5."""
        return (200, 1e-5) if self.variant == "fatezero" else (500, 3e-5)

    def __call__(
        self,
        model: StableDiffusion,
        video: Video,
        *,
        progress: Progress = quiet,
        folder: TrainingFolder | None = None,
        at_checkpoint: Callable[[Adapter, int], None] | None = None,
    ) -> Adapter:
        """Tunes the model to the clip; afterwards it is what it was, and the adapter holds the difference.

        Args:
            model: Stable Diffusion 1.x or 2.x, which computes in its own precision.
            video: All of its frames are seen at once.
            progress: Reports the steps.
            folder: Where to keep checkpoints and class images, or to go on from; see `config`.
            at_checkpoint: Called with the adapter and the number of steps done.

        Raises:
            ValueError: If the clip has one frame, its size doesn't fit, or the folder belongs to another
                training.
            FloatingPointError: If the loss becomes NaN.
        """
        if len(video) < 2:
            raise ValueError(
                "the clip has one frame, which shows no motion; tuning takes 2 or more, 8 to 24 are usual"
            )
        if folder:
            folder.verify()
        adapter = self.adapter(model, video)
        lessons = self.lessons(model, adapter, model.encode(video), folder, progress)
        with checkpointed(model, self.gradient_checkpointing):
            train(
                adapter.trained(),
                lessons,
                self,
                progress=progress,
                folder=folder,
                at_checkpoint=at_checkpoint and partial(at_checkpoint, adapter),
            )
        adapter.freeze()
        return adapter

    def lessons(
        self,
        model: StableDiffusion,
        adapter: Adapter,
        clean: Latents,
        folder: TrainingFolder | None,
        progress: Progress,
    ) -> dict[str, Objective]:
        """What a step teaches, in order: images of the class, if there is one, and the clip."""
        clip = ClipLesson(model, adapter, clean, model.embed(self.prompt))
        if not self.class_prompt:
            return {"clip": clip}
        images = class_images(
            model,
            (self.class_prompt, self.class_negative_prompt),
            self.class_images,
            clean,
            seed=self.seed,
            folder=folder and folder.path / "class",
            progress=progress,
        )
        lesson = ImageLesson(model, adapter, images, model.embed(self.class_prompt), len(clean))
        return {"class": lesson, "clip": clip}

    def adapter(self, model: StableDiffusion, video: Video) -> Adapter:
        """The adapter before its training: it changes nothing."""
        about = About(
            prompt=self.prompt,
            frame_keys=FRAME_KEYS[self.variant],
            frames=len(video),
            fps=float(video.fps),
            height=video.height,
            width=video.width,
        )
        convolutions = self.variant == "fatezero"
        return Adapter.fresh(model, about, convolutions=convolutions, rank=RANK, seed=self.seed)

    def config(self, model: StableDiffusion, video: str) -> dict[str, object]:
        """All that decides the result but how long it takes, for a `TrainingFolder`.

        Args:
            model: The model.
            video: What names the frames, such as a hash.
        """
        return {
            **self.deciding,
            "video": video,
            "model": network_hash(model.unet),
            "dtype": str(model.unet.dtype),
        }


@dataclass(frozen=True, eq=False)
class ClipLesson:
    """The clip at a random level of noise, all frames at the same."""

    model: StableDiffusion
    adapter: Adapter
    clean: Latents
    text: Text

    @contextmanager
    def __call__(self, draw: torch.Generator) -> Generator[Tensor]:
        """Opens a block in which the loss can be computed backwards."""
        step, noisy, wanted = self.model.example(*self.drawn(draw))
        with self.adapter.on(self.model), self.model.hooked(self.adapter.frame_hook):
            (prediction,) = self.model.predict(step, (noisy, self.text))
            yield F.mse_loss(prediction, wanted)

    def drawn(self, draw: torch.Generator) -> tuple[Latents, Latents, int]:
        """Clean latents, noise and a timestep."""
        noise = torch.randn(self.clean.shape, generator=draw).to(self.clean)
        return self.clean, noise, random_timestep(self.model, draw)


@dataclass(frozen=True, eq=False)
class ImageLesson:
    """Images of the class, each at a random level of noise: nothing over time takes part."""

    model: StableDiffusion
    adapter: Adapter
    clean: Latents
    text: Text
    count: int
    """Images in a lesson, if there are as many."""

    @contextmanager
    def __call__(self, draw: torch.Generator) -> Generator[Tensor]:
        """Opens a block in which the loss can be computed backwards."""
        losses: list[Tensor] = []
        with self.model.replaced(self.adapter.replaced):
            for image, noise, timestep in self.drawn(draw):
                step, noisy, wanted = self.model.example(image, noise, timestep)
                (prediction,) = self.model.predict(step, (noisy, self.text))
                losses.append(F.mse_loss(prediction, wanted))
            yield torch.stack(losses).mean()

    def drawn(self, draw: torch.Generator) -> list[tuple[Latents, Latents, int]]:
        """Clean latents, noise and a timestep for each image."""
        picked = torch.randperm(len(self.clean), generator=draw)[: self.count]
        images = [self.clean[index : index + 1] for index in picked.tolist()]
        return [
            (image, torch.randn(image.shape, generator=draw).to(image), random_timestep(self.model, draw))
            for image in images
        ]


def random_timestep(model: StableDiffusion, draw: torch.Generator) -> int:
    """Any level of noise, all equally likely."""
    return int(torch.randint(model.train_timesteps, (), generator=draw))


@contextmanager
def checkpointed(model: StableDiffusion, wanted: bool) -> Generator[None]:
    """A block in which activations are computed twice rather than kept."""
    if not wanted:
        yield
        return
    model.unet.enable_gradient_checkpointing()
    try:
        yield
    finally:
        model.unet.disable_gradient_checkpointing()
