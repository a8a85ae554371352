"""One-shot tuning: an image model learns the motion of one clip (Wu et al., Tune-A-Video, ICCV 2023).

Frames attend to the first and to the previous one, and positions to themselves over time. Trained are the
queries and the layers over time. FateZero (Qi et al., ICCV 2023) adds convolutions over time, and lessons
with images of the same class, so that the model doesn't forget what else such things look like.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from ..backbones import Backbone, Branch, Condition, Text, Trainable
from ..backbones.changes import Adapter, AdapterHeader, Recomputed, ReplacedWeights
from ..backbones.changes.one_shot import image_model
from ..progress import Progress
from ..typing import Latents
from ..video import Video
from .class_images import class_images
from .folder import TrainingFolder
from .loop import Objective, train
from .settings import OneShot, Variant

RANK = 160
"""Of FateZero's convolutions over time."""
FRAME_KEYS: dict[Variant, tuple[str, ...]] = {
    "tune-a-video": ("first", "previous"),
    "fatezero": ("previous", "first"),
}


def tune(
    settings: OneShot,
    model: Backbone,
    video: Video,
    *,
    progress: Progress,
    folder: TrainingFolder | None,
    at_checkpoint: Callable[[Adapter, int], None] | None,
) -> Adapter:
    """Tunes a model. See `OneShot`."""
    if len(video) < 2:
        raise ValueError(
            "the clip has one frame, which shows no motion; tuning takes 2 or more, 8 to 24 are usual"
        )
    if folder:
        folder.check()
    model = tunable(model)
    adapter = fresh_adapter(settings, model, video)
    found = lessons(settings, model, adapter, model.encode(video), folder, progress)
    with model.changed(*[Recomputed()] if settings.gradient_checkpointing else []):
        train(
            adapter.trained(),
            found,
            settings,
            progress=progress,
            folder=folder,
            at_checkpoint=at_checkpoint and partial(at_checkpoint, adapter),
        )
    adapter.freeze()
    return adapter


def tunable(model: Backbone) -> Trainable:
    """The model, if it can be tuned.

    Raises:
        ValueError: If it is of another family, or reads more than prompts.
    """
    if model.conditions != {"text"}:
        raise ValueError(
            f"one-shot tuning needs a text-to-image model, and this {model.title} reads more than prompts, "
            "or none; use sd15 or one tuned from it"
        )
    return image_model(model)


def lessons(
    settings: OneShot,
    model: Trainable,
    adapter: Adapter,
    clean: Latents,
    folder: TrainingFolder | None,
    progress: Progress,
) -> dict[str, Objective]:
    """What a step teaches, in order: images of the class, if there is one, and the clip."""
    assert model.text is not None
    clip = ClipLesson(model, adapter, clean, model.text(settings.prompt))
    if not settings.class_prompt:
        return {"clip": clip}
    images = class_images(
        model,
        (settings.class_prompt, settings.class_negative_prompt),
        settings.class_images,
        clean,
        seed=settings.seed,
        folder=folder and folder.path / "class",
        progress=progress,
    )
    lesson = ImageLesson(model, adapter, images, model.text(settings.class_prompt), len(clean))
    return {"class": lesson, "clip": clip}


def fresh_adapter(settings: OneShot, model: Backbone, video: Video) -> Adapter:
    """The adapter before its training: it changes nothing."""
    about = AdapterHeader(
        prompt=settings.prompt,
        frame_keys=FRAME_KEYS[settings.variant],
        frames=len(video),
        fps=float(video.fps),
        height=video.height,
        width=video.width,
    )
    convolutions = settings.variant == "fatezero"
    return Adapter.fresh(model, about, convolutions=convolutions, rank=RANK, seed=settings.seed)


def identity(model: Backbone) -> dict[str, object]:
    """What a resumed training must find again of a model."""
    return {"model": image_model(model).network_hash, "dtype": str(model.dtype)}


@dataclass(frozen=True, eq=False)
class ClipLesson:
    """The clip at a random level of noise, all frames at the same."""

    model: Trainable
    adapter: Adapter
    clean: Latents
    text: Text

    @contextmanager
    def __call__(self, draw: torch.Generator) -> Generator[Tensor]:
        """Opens a block in which the loss can be computed backwards."""
        step, noisy, wanted = self.model.example(*self.drawn(draw))
        with self.model.changed(self.adapter, self.adapter.frame_hook):
            (prediction,) = self.model.predict(Branch(noisy, step, Condition(text=self.text)))
            yield F.mse_loss(prediction, wanted)

    def drawn(self, draw: torch.Generator) -> tuple[Latents, Latents, int]:
        """Clean latents, noise and a timestep."""
        noise = torch.randn(self.clean.shape, generator=draw).to(self.clean)
        return self.clean, noise, random_timestep(self.model, draw)


@dataclass(frozen=True, eq=False)
class ImageLesson:
    """Images of the class, each at a random level of noise: nothing over time takes part."""

    model: Trainable
    adapter: Adapter
    clean: Latents
    text: Text
    count: int
    """Images in a lesson, if there are as many."""

    @contextmanager
    def __call__(self, draw: torch.Generator) -> Generator[Tensor]:
        """Opens a block in which the loss can be computed backwards."""
        losses: list[Tensor] = []
        with self.model.changed(ReplacedWeights(self.adapter.replaced)):
            for image, noise, timestep in self.drawn(draw):
                step, noisy, wanted = self.model.example(image, noise, timestep)
                (prediction,) = self.model.predict(Branch(noisy, step, Condition(text=self.text)))
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


def random_timestep(model: Trainable, draw: torch.Generator) -> int:
    """Any level of noise, all equally likely."""
    return int(torch.randint(model.train_timesteps, (), generator=draw))
