"""The baselines at work: every frame is edited by itself, whatever its neighbours are."""

from dataclasses import dataclass, fields
from functools import cached_property

import torch

from ..backbones import Backbone, guided
from ..inputs import Inputs
from ..methods import Cost, Run, TextEdit, TokenFlow
from ..methods.held import Held
from ..methods.tokenflow.branches import Branches
from ..methods.tokenflow.conditions import Conditions
from ..methods.tokenflow.edit import TokenFlowEdit
from ..methods.tokenflow.pivots import JointPivots
from ..methods.tokenflow.source import FrameSource
from ..sampling import Denoise, Schedule, Step, classifier_free, noised, sample
from ..sampling.noise import frame_noise
from ..typing import Latents
from ..video import Video
from .baselines import DDIMInversion, PlugAndPlay, SDEdit

BATCH = 8
"""Frames that the network sees at once; each is edited by itself all the same."""


@dataclass(frozen=True)
class Done:
    """No edit."""

    def check(self, inputs: Inputs) -> None:
        """Nothing can be wrong."""

    def cost(self, inputs: Inputs) -> Cost:
        """The cost: none."""
        return Cost(steps=0, evaluations=0)

    def __call__(self, inputs: Inputs, run: Run) -> Video:
        """The video as it came."""
        assert inputs.video
        return inputs.video


@dataclass(frozen=True)
class FrameByFrame:
    """The part that all edits share."""

    settings: TextEdit
    model: Backbone

    def check(self, inputs: Inputs) -> None:
        """Makes sure that there are so many steps."""
        _ = self.schedule

    def cost(self, inputs: Inputs) -> Cost:
        """The cost: two branches of every frame, and its way to noise."""
        frames = len(inputs.video or ())
        steps = len(self.schedule)
        return Cost(
            steps=steps, evaluations=3 * steps * frames, memory={"weights": self.model.weight_bytes()}
        )

    @cached_property
    def schedule(self) -> Schedule:
        """All steps."""
        return self.model.schedule(self.settings.num_inference_steps)

    def towards_target(self) -> Denoise:
        """Predictions with classifier-free guidance, some frames at a time."""
        text, settings = self.model.text, self.settings
        assert text
        target, negative = text(settings.target), text(settings.negative_prompt)
        towards = guided(self.model, target, negative, settings.guidance_scale)
        return lambda z, step: torch.cat([towards(some, step) for some in z.split(BATCH)])

    def source(self, video: Video) -> FrameSource:
        """The video, to be inverted."""
        assert self.model.text
        return FrameSource(self.model, self.model.text(self.settings.source), self.model.encode(video), BATCH)


@dataclass(frozen=True)
class SDEditEdit(FrameByFrame):
    """One edit by SDEdit."""

    settings: SDEdit

    def __call__(self, inputs: Inputs, run: Run) -> Video:
        """Noises the frames and denoises them."""
        assert inputs.video
        schedule = self.schedule[-max(1, round(self.settings.strength * len(self.schedule))) :]
        clean = self.model.encode(inputs.video)
        noise = frame_noise(clean.shape[1:], range(len(clean)), self.settings.seed).to(clean)
        held = Held.noised(inputs, self.model, noise)
        start = noised(clean, noise, schedule[0].start)
        samples = sample(self.towards_target(), start, schedule, keep=held)
        *_, z = run.progress(samples, description="Editing", total=len(schedule))
        return self.model.decode(z, like=inputs.video)


@dataclass(frozen=True)
class DDIMInversionEdit(FrameByFrame):
    """One edit from inverted frames."""

    settings: DDIMInversion

    def __call__(self, inputs: Inputs, run: Run) -> Video:
        """Inverts the frames and denoises them."""
        assert inputs.video
        source = self.source(inputs.video)
        trajectory = source.ddim(self.schedule, run.progress)
        held = Held.by(inputs, self.model, trajectory.after)
        start = trajectory.latents[0].to(source.clean)
        samples = sample(self.towards_target(), start, self.schedule, keep=held)
        *_, z = run.progress(samples, description="Editing", total=len(self.schedule))
        return self.model.decode(z, like=inputs.video)


@dataclass(frozen=True)
class PlugAndPlayEdit(FrameByFrame):
    """One edit by Plug-and-Play."""

    settings: PlugAndPlay

    def check(self, inputs: Inputs) -> None:
        """Makes sure that the model has places to put the source in."""
        self.edit.check(inputs)

    @cached_property
    def edit(self) -> TokenFlowEdit:
        """TokenFlow's edit of the same settings."""
        settings = {own.name: getattr(self.settings, own.name) for own in fields(self.settings)}
        return TokenFlow(**settings).on(self.model)

    def __call__(self, inputs: Inputs, run: Run) -> Video:
        """Inverts the frames and denoises them, with what the source puts in."""
        assert inputs.video
        edit, schedule = self.edit, self.edit.schedule()
        trajectory = edit.invert(self.source(inputs.video), run.progress)
        branches = edit.branches(trajectory, Conditions())
        z = edit.start(trajectory, self.schedule[0], schedule[0]).to(self.model.device)
        held = Held.by(inputs, self.model, trajectory.after)
        samples = trajectory.sample(self.led(branches), z, schedule, held)
        *_, z = run.progress(samples, description="Editing", total=len(schedule))
        return self.model.decode(z, like=inputs.video)

    def led(self, branches: Branches) -> Denoise:
        """Predictions with classifier-free guidance, led by the source's features and attention."""

        def denoise(z: Latents, step: Step) -> Latents:
            found: list[Latents] = []
            for start in range(0, len(z), BATCH):
                frames = list(range(start, min(start + BATCH, len(z))))
                led = JointPivots(branches, z, step, frames).put_in
                without, towards = branches.run_edited(z, step, frames, *led)
                found.append(classifier_free(without, towards, self.settings.guidance_scale))
            return torch.cat(found)

        return denoise
