"""TokenFlow at work (Geyer et al., ICLR 2024).

At every step of the edit, one random frame of each segment is a pivot. The pivots attend to each other while
they are denoised towards the target. All other frames copy what self-attention put out for the pivots, from
the positions that correspond in the source: a consistent video from an image model, at any length.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch

from ...backbones import Backbone, Text, depth_maps
from ...controls import Depth
from ...fields import steps_within
from ...inputs import Inputs
from ...progress import Progress
from ...sampling import Keep, Schedule, Step, noised
from ...sampling.noise import generator
from ...typing import Latents
from ...video import Video
from ..held import Held
from ..method import Cost, Run
from ..notes import Notes
from ..text2video_zero import Text2VideoZeroRedraw
from ..text2video_zero.redraw import RedrawEdit
from . import TokenFlow
from .branches import Branches
from .conditions import Conditions
from .cost import cost
from .features import InjectionSites, injection_sites
from .frames import FramesByPivots
from .segments import Segments
from .source import FrameSource, Trajectory


@dataclass(frozen=True)
class TokenFlowEdit:
    """One edit on one model."""

    settings: TokenFlow
    model: Backbone

    def check(self, inputs: Inputs) -> None:
        """Makes sure that the model has places to put the source in, and that a ControlNet fits."""
        _ = self.schedule(), self.sites
        if self.redraw:
            self.redraw.check(inputs)

    def cost(self, inputs: Inputs) -> Cost:
        """The cost: three branches of every frame, and of the pivots."""
        assert inputs.video
        return cost(self, inputs.video)

    def __call__(self, inputs: Inputs, run: Run) -> Video:
        """Inverts the video and edits it."""
        model, video, schedule = self.model, inputs.video, self.schedule()
        assert video
        conditions = self.conditions(inputs)
        source = FrameSource(
            model, self.texts[0], model.encode(video), self.settings.frames_per_batch, conditions
        )
        trajectory = self.invert(source, run.progress)
        if run.notes and run.notes.reconstructs:
            rebuilt = source.reconstruct(trajectory, schedule, run.progress)
            run.notes.reconstructed(model.decode(rebuilt, like=video))
        keep = Held.by(inputs, model, trajectory.after)
        edited = self.edit(trajectory, conditions, run.notes, keep)
        *_, z = run.progress(edited, description="Editing", total=len(schedule))
        return model.decode(z, like=video)

    def invert(self, source: FrameSource, progress: Progress) -> Trajectory:
        """The source on its way to noise."""
        schedule = self.model.schedule(self.settings.num_inference_steps)
        if self.is_ddim:
            return source.ddim(schedule, progress)
        # All frames share their noise, so that what stands still in the video does so on its way, too.
        shape = len(schedule), 1, *source.clean.shape[1:]
        draws = torch.randn(shape, generator=generator(self.settings.seed, "ddpm"))
        return source.ddpm(schedule, draws, progress, skip=self.schedule()[0].index)

    @property
    def is_ddim(self) -> bool:
        """Whether the source is inverted by DDIM."""
        return self.settings.base == "ddim" or self.settings.inversion == "ddim"

    def schedule(self) -> Schedule:
        """The steps that the edit takes."""
        taken = max(1, round(self.settings.strength * self.settings.num_inference_steps))
        return self.model.schedule(self.settings.num_inference_steps)[-taken:]

    def edit(
        self,
        trajectory: Trajectory,
        conditions: Conditions | None = None,
        notes: Notes | None = None,
        keep: Keep | None = None,
    ) -> Iterator[Latents]:
        """Yields the latents after each step from the source's noisy latents towards the target.

        Args:
            trajectory: The source on its way to noise.
            conditions: What else the network is shown of the source; nothing if None.
            notes: Takes in where frames copied from, if given.
            keep: Changes the latents after each step, if given.
        """
        schedule = self.schedule()
        frames = self.frames(self.branches(trajectory, conditions or Conditions()), notes)
        z = self.start(trajectory, self.model.schedule(self.settings.num_inference_steps)[0], schedule[0])
        return trajectory.sample(frames.denoise, z.to(self.model.device), schedule, keep)

    def branches(self, trajectory: Trajectory, conditions: Conditions) -> Branches:
        """The branches that the network predicts, and the steps at which the source is put in."""
        settings, steps = self.settings, self.settings.num_inference_steps
        return Branches(
            model=self.model,
            trajectory=trajectory,
            texts=self.texts,
            conditions=conditions,
            sites=self.sites,
            feature_steps=steps_within(settings.feature_window, steps),
            attention_steps=steps_within(settings.attention_window, steps),
        )

    def frames(self, branches: Branches, notes: Notes | None = None) -> FramesByPivots:
        """The settings, worked out for a clip."""
        segments = Segments(len(branches.trajectory.clean), self.settings.pivot_interval)
        return FramesByPivots(
            branches=branches,
            segments=segments,
            pivots=self.pivots(segments),
            blend=self.settings.blend,
            guidance_scale=self.settings.guidance_scale,
            joint_pivots=self.settings.joint_pivots,
            frames_per_batch=self.settings.frames_per_batch,
            notes=notes,
        )

    def start(self, trajectory: Trajectory, noisiest: Step, first: Step) -> Latents:
        """The source's latents at the first step; for SDEdit (Meng et al., ICLR 2022) the clean ones, noised.

        The noise is what the source has at the noisiest step, as published. DDPM inversion noises it anyway.
        """
        if self.settings.base != "sdedit" or trajectory.residuals is not None:
            return trajectory.latents[first.index]
        signal = noisiest.start.signal * trajectory.clean
        eps = (trajectory.latents[noisiest.index] - signal) / noisiest.start.noise
        return noised(trajectory.clean, eps, first.start)

    def pivots(self, segments: Segments) -> list[list[int]]:
        """The frames that are edited jointly at each step, one of each segment."""
        stream = torch.Generator().manual_seed(self.settings.seed)
        return [segments.draw(stream) for _ in range(self.settings.num_inference_steps)]

    @cached_property
    def texts(self) -> tuple[Text, Text, Text]:
        """The texts of the branches: the source's prompt, the negative one and the target's."""
        settings, text = self.settings, self.model.text
        assert text
        return text(settings.source), text(settings.negative_prompt), text(settings.target)

    def conditions(self, inputs: Inputs) -> Conditions:
        """What the network is shown of the video besides its latents: what a ControlNet reads, depth."""
        model, video = self.model, inputs.video
        assert video
        steering = self.redraw.steering(self.redraw.shown(inputs)) if self.redraw else ()
        depth = None
        if "depth" in model.conditions:
            estimate = Depth(model=self.settings.depth_model, device=str(model.device))
            depth = depth_maps(estimate(video), model.grid)
        return Conditions(tuple(steering), depth)

    @cached_property
    def redraw(self) -> RedrawEdit | None:
        """The part that finds the control and its ControlNet, if the base is `controlnet`."""
        settings = self.settings
        if settings.base != "controlnet":
            return None
        redraw = Text2VideoZeroRedraw(
            prompt=settings.target,
            control=(settings.control,),
            control_weights=(settings.control_weight,),
            controlnets=(settings.controlnet,) if settings.controlnet else (),
            depth_model=settings.depth_model,
        )
        return redraw.on(self.model)

    @cached_property
    def sites(self) -> InjectionSites | None:
        """The places where the source is put in, if it is."""
        return injection_sites(list(self.model.control.layers)) if self.settings.base == "pnp" else None
