"""Tune-A-Video (Wu et al., ICCV 2023): edits with a model that has learnt the clip's motion.

`training/one_shot.py` tunes an image model to one clip. Here the clip is carried to noise by the tuned model,
without a prompt, and denoised towards another one: its motion stays, and what moves is what the prompt says.
Noise of its own makes a new clip that moves alike.
"""

from dataclasses import dataclass
from pathlib import Path

import torch

from ..adapters import About, Adapter, read_about, verify
from ..backbones import Backbone
from ..progress import Progress
from ..sampling import Denoise, Step, classifier_free
from ..sampling.noise import frame_noise
from ..typing import Latents
from ..video import Video
from .method import quiet
from .notes import Notes


@dataclass(frozen=True, kw_only=True)
class TunedSettings:
    """What an edit and a new clip share."""

    motion: Path
    """What `rescene train one-shot` made of the clip."""
    negative_prompt: str = ""
    """What to keep out of the result."""
    num_inference_steps: int = 50
    """Denoising steps; 10 to 20 do for a first look."""
    guidance_scale: float = 12.5
    """How strongly the prompt pulls, 1 or more. Turn it down when colours burn."""

    def __post_init__(self) -> None:
        if self.num_inference_steps < 1:
            raise ValueError(f"num_inference_steps is {self.num_inference_steps}; it must be at least 1")
        if self.guidance_scale < 0:
            raise ValueError(
                f"guidance_scale is {self.guidance_scale}; it must not be negative, 12.5 is usual"
            )

    def towards(self, model: Backbone, prompt: str) -> Denoise:
        """The guided prediction."""
        text, negative = model.embed(prompt), model.embed(self.negative_prompt)

        def denoise(z: Latents, step: Step) -> Latents:
            without, towards = model.predict(step, (z, negative), (z, text))
            return classifier_free(without, towards, self.guidance_scale)

        return denoise


@dataclass(frozen=True, kw_only=True)
class TuneAVideo(TunedSettings):
    """Edits a clip that the model was tuned to: its motion stays, also for new shapes (ICCV 2023)."""

    target: str
    """What the clip should show: the prompt that it was tuned on, with a few words changed."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.target.strip():
            raise ValueError("the target prompt is empty; say in a few words what the video should show")

    @property
    def prompts(self) -> tuple[str, ...]:
        """All that the text encoder will read."""
        return self.target, self.negative_prompt

    def __call__(
        self, model: Backbone, video: Video, *, progress: Progress = quiet, notes: Notes | None = None
    ) -> Video:
        """Inverts the video and edits it; the result has its rate and sound."""
        adapter, denoise = Adapter.load(self.motion, model), self.towards(model, self.target)
        empty, schedule = model.embed(""), model.schedule(self.num_inference_steps)

        def follow(z: Latents, step: Step) -> Latents:
            return model.predict(step, (z, empty))[0]

        with adapter.on(model), model.hooked(adapter.frame_hook):
            clean = model.encode(video).to(empty.device)
            inverted = model.invert(follow, clean, schedule)
            *_, noise = progress(inverted, description="Inverting", total=len(schedule))
            if notes and notes.reconstructs:
                rebuilt = model.sample(follow, noise, schedule)
                *_, z = progress(rebuilt, description="Reconstructing", total=len(schedule))
                notes.reconstructed(model.decode(z, like=video))
            edited = model.sample(denoise, noise, schedule)
            *_, z = progress(edited, description="Editing", total=len(schedule))
        return model.decode(z, like=video)


@dataclass(frozen=True, kw_only=True)
class TunedVideo(TunedSettings):
    """A new clip that moves like the one that the model was tuned to (Tune-A-Video, ICCV 2023)."""

    prompt: str
    """What the clip shows."""
    num_frames: int | None = None
    """Length of the clip; as tuned if not given."""
    fps: float | None = None
    """Frames in a second; as tuned if not given."""
    height: int | None = None
    """Rows of pixels; as tuned if not given."""
    width: int | None = None
    """Columns of pixels; as tuned if not given."""
    seed: int = 0
    """Another seed gives another clip; the same one gives the same, on any machine."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.prompt.strip():
            raise ValueError("the prompt is empty; say in a few words what the clip shows")
        if self.num_frames is not None and self.num_frames < 1:
            raise ValueError(f"num_frames is {self.num_frames}; a clip has at least 1")
        if self.fps is not None and self.fps <= 0:
            raise ValueError(f"fps is {self.fps}; it must be above 0")

    @property
    def prompts(self) -> tuple[str, ...]:
        """All that the text encoder will read."""
        return self.prompt, self.negative_prompt

    def __call__(self, model: Backbone, *, progress: Progress = quiet) -> Video:
        """Generates the clip.

        Raises:
            FileNotFoundError: If there is no adapter.
            ValueError: If it doesn't fit the model, or the size isn't a multiple of the model's stride.
        """
        self.check(model)
        blank = self.blank(read_about(self.motion))
        shape = model.encode(blank[:1]).shape[1:]
        adapter, denoise = Adapter.load(self.motion, model), self.towards(model, self.prompt)
        noise = frame_noise(shape, range(len(blank)), self.seed).to(model.embed("").device)
        schedule = model.schedule(self.num_inference_steps)
        with adapter.on(model), model.hooked(adapter.frame_hook):
            clip = model.sample(denoise, noise, schedule)
            *_, z = progress(clip, description="Generating", total=len(schedule))
        return model.decode(z, like=blank)

    def check(self, model: Backbone) -> None:
        """Looks for the mistakes that show without computing.

        Raises:
            FileNotFoundError, ValueError: As `__call__` does.
        """
        verify(self.motion, model)
        model.schedule(self.num_inference_steps)
        for prompt in self.prompts:
            model.embed(prompt)
        model.encode(self.blank(read_about(self.motion))[:1])

    def blank(self, about: About) -> Video:
        """A black clip of the length, size and rate."""
        frames = self.num_frames or about.frames
        height, width = self.height or about.height, self.width or about.width
        return Video.of(torch.zeros(frames, 3, height, width, dtype=torch.uint8), self.fps or about.fps)
