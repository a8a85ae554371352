"""The page as the host of runs: models by their offered names, jobs that show how far they are."""

from dataclasses import dataclass, replace
from pathlib import Path

from ..backbones import Backbone
from ..runs import FileRef, Host, ModelRef, Recipe
from ..runs.run import Prepared
from ..video import Video
from .jobs import Job
from .models import Models
from .showing import latent_preview


@dataclass(eq=False, kw_only=True)
class PageHost(Host):
    """Looks orders over; nothing is computed."""

    models: Models

    def outline(self, ref: ModelRef) -> Backbone:
        return self.models.outline(ref.name)


@dataclass(eq=False, kw_only=True)
class JobHost(PageHost):
    """Runs one order as a job."""

    job: Job
    source: str | None
    """The name of the source as people know it."""

    def __post_init__(self) -> None:
        self.progress = self.job.progress

    def load(self, ref: ModelRef) -> Backbone:
        self.job.begin("Loading the model")
        return self.models.load(ref.name)

    def described(self, ref: ModelRef, model: Backbone) -> ModelRef:
        return self.models.described(ref, model)

    def noted(self, recipe: Recipe, result: Path) -> Recipe:
        """Files by their names alone: nothing about the machine, where sources and control clips are."""
        recipe = super().noted(recipe, result)
        inputs = recipe.inputs
        video = inputs.video and replace(inputs.video, path=self.source or Path(inputs.video.path).name)
        return replace(recipe, inputs=replace(inputs, video=video, control=_named(inputs.control)))

    def begins(self, work: Prepared, model: Backbone) -> None:
        """Learns from one frame how to show latents while they form."""
        if (frame := _seen(work)) is not None:
            self.job.look = latent_preview(model.encode(frame), frame.frames)


def _seen(work: Prepared) -> Video | None:
    """The frame whose colours the result will have more or less: an edited one, or one of the source."""
    video, edited = work.inputs.video, work.inputs.key_frames
    if video is None:
        return None
    if edited:
        return Video.of(edited[min(edited)], video.fps)
    return video[len(video) // 2 : len(video) // 2 + 1]


def _named(ref: FileRef | None) -> FileRef | None:
    return ref and replace(ref, path=Path(ref.path).name)
