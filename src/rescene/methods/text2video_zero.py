"""Text2Video-Zero (Khachatryan et al., ICCV 2023): a moving clip from an image model and a prompt, untrained.

One frame is denoised until its layout has formed. Its latents, moved as by a camera, become those of all
other frames, and fresh noise lets each find its own details: motion dynamics in latent codes. All frames
attend to the first one, so that things keep their looks: cross-frame attention.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from ..attention import AtLevel, word_level
from ..backbones import Backbone
from ..progress import Progress
from ..prompts import tokenize
from ..sampling import Level, Step, classifier_free
from ..sampling.noise import frame_noise, renoise, warp
from ..typing import Latents
from ..video import Video
from .background import Saliency, Subject, SubjectOfFile, SubjectOfFrames, SubjectOfWords, smooth
from .cross_frame import CrossFrame, CrossFrameSettings
from .method import quiet

PUBLISHED_T0, GAP = 0.88, 0.06
SMALL_T0, SMALL_SIDE = 0.5, 256
"""For models of pictures below 256 pixels: the fewer positions latents have, the less noise hides their
layout. What `mini` moves at the published level, on 16 by 16 of them, doesn't move in the end."""


@dataclass(frozen=True, kw_only=True)
class Text2VideoZero(CrossFrameSettings):
    """A clip from a prompt, by an image model: the camera moves, things keep their looks (ICCV 2023)."""

    prompt: str
    """What the clip shows."""
    prompt_suffix: str = ""
    """Added to the prompt after a comma, such as "high quality, HD, 8K, dramatic lighting"."""
    num_frames: int = 8
    """Length of the clip."""
    fps: float = 4.0
    """Frames in a second."""
    height: int | None = None
    """Rows of pixels; the model's own if not given."""
    width: int | None = None
    """Columns of pixels; the model's own if not given."""
    motion: bool = True
    """Whether frames are the first one, moved; without, each starts from noise of its own."""
    pan: tuple[float, float] = (12.0, 12.0)
    """How far the camera goes right and down from frame to frame, in 512ths of the frame."""
    zoom: float = 1.0
    """How much closer the camera comes from frame to frame: 1.02 zooms in slowly, 0.98 out."""
    path: tuple[tuple[float, float], ...] = ()
    """Where the camera is at each frame after the first, right and down in 512ths, instead of `pan`."""
    t0: float | None = None
    """The level at which the first frame is moved, as a share of the steps: 0 is clean, 1 is noise. The
    lower, the more surely things move along. If not given, 0.88 as published, or 0.5 for small models."""
    t1: float | None = None
    """The level up to which moved frames are made noisy again, 0.06 above `t0` if not given: the further
    above, the more they differ."""
    smooth_background: float = 0.0
    """How much of the first frame's background the others take on: 0.6 calms a flickering one, at twice the
    time. Name the `subject`, or give a `subject_mask`."""
    subject: tuple[str, ...] = ()
    """Words of the prompt for what isn't background."""
    subject_mask: Path | None = None
    """A video or image that is white where the subject is, instead of `subject`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.prompt.strip():
            raise ValueError("the prompt is empty; say in a few words what the clip shows")
        if self.num_frames < 1:
            raise ValueError(f"num_frames is {self.num_frames}; a clip has at least 1")
        if self.fps <= 0 or self.zoom <= 0:
            raise ValueError(f"fps is {self.fps} and zoom {self.zoom}; both must be above 0")
        t0, t1 = self.t0 or 0.0, 1.0 if self.t1 is None else self.t1
        if not 0 <= t0 < t1 <= 1:
            raise ValueError(
                f"t0 is {t0} and t1 {t1}; they are shares of the steps, 0 <= t0 < t1 <= 1, as 0.88 and 0.94"
            )
        if self.path and len(self.path) != self.num_frames - 1:
            raise ValueError(
                f"path has {len(self.path)} places and {self.num_frames} frames need {self.num_frames - 1}: "
                "one for each frame after the first"
            )
        if not 0 <= self.smooth_background <= 1:
            raise ValueError(f"smooth_background is {self.smooth_background}; it is a share, from 0 to 1")

    def __call__(
        self, model: Backbone, *, progress: Progress = quiet, saliency: Saliency | None = None
    ) -> Video:
        """Generates the clip.

        Args:
            model: A text-to-image model.
            progress: Reports the steps.
            saliency: Finds what isn't background in a frame, for `smooth_background`.

        Raises:
            ValueError: If the size isn't a multiple of the model's stride, the prompt is too long, a word of
                the subject isn't in it, or nothing tells the background apart.
        """
        if self.t0 is None or self.t1 is None:
            return self.suited(model)(model, progress=progress, saliency=saliency)
        blank = self.blank(model)
        text, negative = map(model.embed, self.prompts)
        shape = model.encode(blank).shape[1:]
        subject = self.subject_finder(model, shape[1:], blank=blank, saliency=saliency)

        def denoise(z: Latents, step: Step, frames: slice) -> Latents:
            without, towards = model.predict(step, (z, negative), (z, text))
            return classifier_free(without, towards, self.guidance_scale)

        watch = subject.watch if isinstance(subject, SubjectOfWords) else None
        sampler = replace(self.sampler(model, denoise), watch=watch)
        schedule = model.schedule(self.num_inference_steps)
        start = self.start(sampler, schedule, self.noise(shape).to(text.device), progress=progress)
        rest = schedule[self.window(len(schedule))[0] :]
        *_, z = progress(sampler.sample(start, rest), description="Animating", total=len(rest))
        if subject:
            calmed = smooth(start, subject(z), *self.camera(), share=self.smooth_background)
            again = replace(sampler, watch=None).sample(calmed, rest)
            *_, z = progress(again, description="Smoothing", total=len(rest))
        return model.decode(z, like=blank)

    def check(self, model: Backbone) -> None:
        """Looks for the mistakes that show without computing.

        Raises:
            ValueError: As `__call__` does.
        """
        blank = self.blank(model)
        self.suited(model).window(len(model.schedule(self.num_inference_steps)))
        for prompt in self.prompts:
            model.embed(prompt)
        self.subject_finder(model, model.encode(blank).shape[2:], blank=blank, saliency=None)

    @property
    def prompts(self) -> tuple[str, ...]:
        return ", ".join(filter(None, [self.prompt, self.prompt_suffix])), self.negative_prompt

    def blank(self, model: Backbone) -> Video:
        """A black frame of the clip's size and rate.

        Raises:
            ValueError: If the model can't make frames of that size.
        """
        side = round(model.native_area**0.5)
        height, width = self.height or side, self.width or side
        if height <= 0 or width <= 0 or height % model.stride or width % model.stride:
            nearest = [max(1, round(n / model.stride)) * model.stride for n in (height, width)]
            raise ValueError(
                f"height is {height} and width {width}; this model takes multiples of {model.stride}, "
                f"such as {nearest[0]} and {nearest[1]}"
            )
        return Video.of(torch.zeros(1, 3, height, width, dtype=torch.uint8), self.fps)

    def subject_finder(
        self, model: Backbone, size: Sequence[int], *, blank: Video, saliency: Saliency | None
    ) -> Subject | None:
        """What tells the subject from the background; None if nothing is smoothed.

        Raises:
            ValueError: If nothing can tell them apart.
        """
        if not self.smooth_background:
            return None
        if saliency:
            return SubjectOfFrames(saliency, lambda z: model.decode(z, like=blank))
        if self.subject_mask:
            return SubjectOfFile.of(self.subject_mask, self.num_frames)
        if not self.subject:
            raise ValueError(
                "smooth_background needs to know what isn't background: name the `subject` by words of the "
                "prompt, or give a `subject_mask`"
            )
        prompt = tokenize(model.tokenizer, self.prompts[0])
        tokens = tuple(token for word in self.subject for token in prompt.find(word))
        return SubjectOfWords(tokens, AtLevel(word_level(size[0], size[1], list(model.hooks.layers))))

    def suited(self, model: Backbone) -> "Text2VideoZero":
        """The same with levels that suit the model, where none are given."""
        usual = SMALL_T0 if model.native_area < SMALL_SIDE**2 else PUBLISHED_T0
        t0 = usual if self.t0 is None else self.t0
        return replace(self, t0=t0, t1=min(t0 + GAP, 1.0) if self.t1 is None else self.t1)

    def window(self, steps: int) -> tuple[int, int]:
        """The indices of the steps that start at the levels `t1` and `t0`; they differ by at least one.

        Raises:
            ValueError: If there are too few steps.
        """
        if steps < 2:
            raise ValueError("num_inference_steps is 1; frames are moved between two steps, so it takes 2")
        assert self.t0 is not None and self.t1 is not None  # `suited` has filled them in.
        t0 = min(round(self.t0 * steps), steps - 2)
        t1 = min(max(round(self.t1 * steps), t0 + 1), steps - 1)
        return steps - 1 - t1, steps - 1 - t0

    def start(
        self, sampler: CrossFrame, schedule: list[Step], noise: Latents, *, progress: Progress
    ) -> Latents:
        """All frames' latents at the level `t1`, from which they are denoised together."""
        early, late = self.window(len(schedule))
        if not self.motion:
            before = progress(sampler.sample(noise, schedule[:early]), description="Starting", total=early)
            return [noise, *before][-1]

        # Denoise the first frame alone until its layout has formed.
        first = anchor = noise[:1]
        for step in progress(schedule[:late], description="Starting", total=late):
            if step.index < early:
                first = anchor = sampler.lead_alone(anchor, step)
            else:
                anchor = sampler.lead_ahead(anchor, step)

        # Move it for each other frame, and make it noisy again so that they differ.
        shifts, zooms = self.camera()
        moved = warp(anchor, shifts[1:], zooms[1:])
        start, end = self.levels(schedule)
        return torch.cat([first, renoise(moved, self.fresh_noise(moved.shape[1:]).to(moved), start, end)])

    def camera(self) -> tuple[Float[Tensor, "F 2"], Float[Tensor, " F"]]:
        """Where the camera is at each frame, in 512ths of the frame, and how close."""
        frames = torch.arange(self.num_frames)
        if not self.motion:
            return torch.zeros(len(frames), 2), torch.ones(len(frames))
        pan = frames[:, None] * torch.tensor(self.pan, dtype=torch.float64)
        path = torch.tensor([(0.0, 0.0), *self.path], dtype=torch.float64)
        return path if self.path else pan, torch.tensor(self.zoom, dtype=torch.float64) ** frames

    def levels(self, schedule: list[Step]) -> tuple[Level, Level]:
        """The levels `t0` and `t1`."""
        early, late = self.window(len(schedule))
        return schedule[late].start, schedule[early].start

    def noise(self, shape: Sequence[int]) -> Latents:
        """What frames start from."""
        return frame_noise(shape, range(self.num_frames), self.seed)

    def fresh_noise(self, shape: Sequence[int]) -> Latents:
        """What makes frames after the first one differ from it."""
        return frame_noise(shape, range(1, self.num_frames), self.seed, "motion")
