"""Text2Video-Zero at work (Khachatryan et al., ICCV 2023): a moving clip from an image model, untrained.

One frame is denoised until its layout has formed. Its latents, moved as by a camera, become those of all
other frames, and fresh noise lets each find its own details: motion dynamics in latent codes. All frames
attend to the first one, so that things keep their looks: cross-frame attention.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from ...attention import AtLevel, word_level
from ...backbones import guided
from ...inputs import Inputs
from ...progress import Progress
from ...sampling import Level, Schedule, Step
from ...sampling.noise import frame_noise, renoise, warp
from ...typing import Latents
from ...video import Video
from ..cost import latent_size
from ..method import Cost, Run
from . import Text2VideoZero, refuse_levels
from .background import Saliency, Subject, SubjectOfFile, SubjectOfFrames, SubjectOfWords, smooth
from .cross_frame import CrossFrame, CrossFrameWork

PUBLISHED_T0, GAP = 0.88, 0.06
SMALL_T0, SMALL_SIDE = 0.5, 256
"""For models of pictures below 256 pixels: the fewer positions latents have, the less noise hides their
layout. What `mini` moves at the published level, on 16 by 16 of them, doesn't move in the end."""


@dataclass(frozen=True)
class Text2VideoZeroWork(CrossFrameWork):
    """One clip by one model."""

    settings: Text2VideoZero
    saliency: Saliency | None = None
    """Finds what isn't background in a frame, for `smooth_background`."""

    def check(self, inputs: Inputs) -> None:
        """Makes sure that size and steps suit the model, and that something tells the background apart."""
        refuse_levels(*self.shares)  # A given one may be beyond the model's usual other.
        self.window(len(self.model.schedule(self.settings.num_inference_steps)))
        self.subject_finder(latent_size(self.model, self.blank))

    def cost(self, inputs: Inputs) -> Cost:
        """The cost: two branches for the steps that frames take together, twice if they are smoothed."""
        steps = self.settings.num_inference_steps
        rest = (steps - self.window(steps)[0]) / steps
        clip = self.blank.lengthen(self.settings.num_frames)
        return self.cost_of(clip, 2 * rest * (2 if self.settings.smooth_background else 1))

    def __call__(self, inputs: Inputs, run: Run) -> Video:
        """Generates the clip."""
        model, blank = self.model, self.blank
        assert model.text
        text, negative = map(model.text, self.settings.prompts)
        shape = model.encode(blank).shape[1:]
        subject = self.subject_finder(shape[1:])
        towards = guided(model, text, negative, self.settings.guidance_scale)

        def denoise(z: Latents, step: Step, frames: slice) -> Latents:
            return towards(z, step)

        watch = subject.watch if isinstance(subject, SubjectOfWords) else None
        sampler = replace(self.sampler(denoise), watch=watch)
        schedule = model.schedule(self.settings.num_inference_steps)
        start = self.start(sampler, schedule, self.noise(shape).to(model.device), progress=run.progress)
        rest = schedule[self.window(len(schedule))[0] :]
        *_, z = run.progress(sampler.sample(start, rest), description="Animating", total=len(rest))
        if subject:
            calmed = smooth(start, subject(z), *self.camera(), share=self.settings.smooth_background)
            again = replace(sampler, watch=None).sample(calmed, rest)
            *_, z = run.progress(again, description="Smoothing", total=len(rest))
        return model.decode(z, like=blank)

    @cached_property
    def blank(self) -> Video:
        """A black frame of the clip's size and rate.

        Raises:
            ValueError: If the model can't make frames of that size.
        """
        side, stride = round(self.model.native_area**0.5), self.model.grid.stride
        height, width = self.settings.height or side, self.settings.width or side
        if height <= 0 or width <= 0 or height % stride or width % stride:
            nearest = [max(1, round(n / stride)) * stride for n in (height, width)]
            raise ValueError(
                f"height is {height} and width {width}; this model takes multiples of {stride}, "
                f"such as {nearest[0]} and {nearest[1]}"
            )
        return Video.of(torch.zeros(1, 3, height, width, dtype=torch.uint8), self.settings.fps)

    def subject_finder(self, size: Sequence[int]) -> Subject | None:
        """The part that tells the subject from the background; None if nothing is smoothed.

        Raises:
            ValueError: If nothing can tell them apart.
        """
        settings, model = self.settings, self.model
        if not settings.smooth_background:
            return None
        if self.saliency:
            return SubjectOfFrames(self.saliency, lambda z: model.decode(z, like=self.blank))
        if settings.subject_mask:
            return SubjectOfFile.of(settings.subject_mask, settings.num_frames)
        if not settings.subject:
            raise ValueError(
                "smooth_background needs to know what isn't background: name the `subject` by words of the "
                "prompt, or give a `subject_mask`"
            )
        assert model.text
        prompt = model.text.tokenize(settings.prompts[0])
        tokens = tuple(token for word in settings.subject for token in prompt.find(word))
        return SubjectOfWords(tokens, AtLevel(word_level(size[0], size[1], list(model.control.layers))))

    @cached_property
    def shares(self) -> tuple[float, float]:
        """The levels t0 and t1 as shares of the steps; those that suit the model where none are given."""
        usual = SMALL_T0 if self.model.native_area < SMALL_SIDE**2 else PUBLISHED_T0
        t0 = usual if self.settings.t0 is None else self.settings.t0
        return t0, min(t0 + GAP, 1.0) if self.settings.t1 is None else self.settings.t1

    def window(self, steps: int) -> tuple[int, int]:
        """The indices of the steps that start at the levels `t1` and `t0`; they differ by at least one.

        Raises:
            ValueError: If there are too few steps.
        """
        if steps < 2:
            raise ValueError("num_inference_steps is 1; frames are moved between two steps, so it takes 2")
        first, second = self.shares
        t0 = min(round(first * steps), steps - 2)
        t1 = min(max(round(second * steps), t0 + 1), steps - 1)
        return steps - 1 - t1, steps - 1 - t0

    def start(
        self, sampler: CrossFrame, schedule: Schedule, noise: Latents, *, progress: Progress
    ) -> Latents:
        """All frames' latents at the level `t1`, from which they are denoised together."""
        early, late = self.window(len(schedule))
        if not self.settings.motion:
            before = progress(sampler.sample(noise, schedule[:early]), description="Starting", total=early)
            return [noise, *before][-1]

        # Denoise the first frame alone until its layout has formed.
        first = anchor = noise[:1]
        for step in progress(schedule[:late], description="Starting", total=late):
            if step.index < early:
                first = anchor = sampler.lead_alone(anchor, schedule.alone(step))
            else:
                anchor = sampler.lead_ahead(anchor, schedule.alone(step))

        # Move it for each other frame, and make it noisy again so that they differ.
        shifts, zooms = self.camera()
        moved = warp(anchor, shifts[1:], zooms[1:])
        start, end = self.levels(schedule)
        return torch.cat([first, renoise(moved, self.fresh_noise(moved.shape[1:]).to(moved), start, end)])

    def camera(self) -> tuple[Float[Tensor, "F 2"], Float[Tensor, " F"]]:
        """The camera's place at each frame, in 512ths of the frame, and how close it is."""
        settings, frames = self.settings, torch.arange(self.settings.num_frames)
        if not settings.motion:
            return torch.zeros(len(frames), 2), torch.ones(len(frames))
        pan = frames[:, None] * torch.tensor(settings.pan, dtype=torch.float64)
        path = torch.tensor([(0.0, 0.0), *settings.path], dtype=torch.float64)
        return path if settings.path else pan, torch.tensor(settings.zoom, dtype=torch.float64) ** frames

    def levels(self, schedule: Schedule) -> tuple[Level, Level]:
        """The levels `t0` and `t1`."""
        early, late = self.window(len(schedule))
        return schedule[late].start, schedule[early].start

    def noise(self, shape: Sequence[int]) -> Latents:
        """The noise that frames start from."""
        return frame_noise(shape, range(self.settings.num_frames), self.settings.seed)

    def fresh_noise(self, shape: Sequence[int]) -> Latents:
        """The noise that makes frames after the first one differ from it."""
        return frame_noise(shape, range(1, self.settings.num_frames), self.settings.seed, "motion")
