"""TokenFlow (Geyer et al., ICLR 2024): edit a few frames jointly and carry their features to all others.

At every step of the edit, one random frame of each segment is a pivot. The pivots attend to each other while
they are denoised towards the target. All other frames copy what self-attention put out for the pivots, from
the positions that correspond in the source: a consistent video from an image model, at any length.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch

from ..attention import Blend, InjectionSites, Segments, injection_sites
from ..backbones import Backbone, StableDiffusion
from ..backbones.depth_maps import depth_maps, reads_depth
from ..controls import Depth
from ..fields import LocalName, Window, steps_within
from ..progress import Progress
from ..sampling import Step, noised
from ..sampling.noise import generator
from ..typing import Latents, Text
from ..video import Video
from .branches import Branches
from .conditions import Conditions
from .controlled_video import ControlledVideo, ControlName
from .editor import Editor
from .method import TextEdit, quiet
from .notes import Notes
from .trajectory import Source, Trajectory

Base = Literal["pnp", "sdedit", "controlnet", "ddim"]


@dataclass(frozen=True, kw_only=True)
class TokenFlow(TextEdit):
    """Consistent editing of style and texture for clips of any length (Geyer et al., ICLR 2024)."""

    base: Base = "pnp"
    """How a single frame is edited: with the source's features and attention put in (`pnp`), from the noised
    source (`sdedit`), along a control of the model such as edges (`controlnet`), or by the target prompt
    alone (`ddim`)."""
    inversion: Literal["ddpm", "ddim"] = "ddpm"
    """How the source becomes noise: `ddpm` returns to it exactly, `ddim`, which base `ddim` implies, leaves
    edits more freedom."""
    strength: float = 0.9
    """Share of the steps that the edit takes. Less leaves out the noisiest ones and stays closer to the
    source."""
    feature_window: Window = 0.8
    """Share of the steps in which `pnp` takes the source's features: its layout. Less leaves shapes freer."""
    attention_window: Window = 0.5
    """Share of the steps in which `pnp` takes the source's attention. Less leaves details freer."""
    control: ControlName = "canny"
    """What base `controlnet` follows: `canny` (edges), `depth` or `pose`."""
    controlnet: LocalName | None = None
    """The ControlNet for it, as short name, hub id or folder; if not given, `mini`'s own or the one for
    Stable Diffusion 1.5."""
    control_weight: float = 1.0
    """How strongly to follow it; lower it for more freedom."""
    depth_model: LocalName = "Intel/dpt-hybrid-midas"
    """What estimates depth, for control `depth` and for models that read depth: a hub id or a folder."""
    pivot_interval: int = 8
    """Frames from one pivot, a frame that is edited jointly with the other pivots, to the next. Fewer follow
    fast motion better and take longer."""
    blend: Blend = "published"
    """What a frame copies: a mix of the pivots of its own segment and of the one before (`published`), or of
    those before and after it, each the more the nearer it is (`between`)."""
    joint_pivots: int = 8
    """Pivots that attend to each other: all, in clips that have no more. In longer clips, groups of so many,
    each with its neighbours and the clip's first. More keep long clips more alike and need more memory."""
    frames_per_batch: int = 8
    """Frames that are denoised at once: more are faster and need more memory, the result is the same."""
    seed: int = 0
    """Chooses the pivots and the noise."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.strength <= 1:
            raise ValueError(f"strength is {self.strength}; it must be above 0 and at most 1, 0.9 is usual")
        for name, least in (("pivot_interval", 1), ("joint_pivots", 4), ("frames_per_batch", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least {least}, 8 is usual")
        for window in (self.feature_window, self.attention_window):
            steps_within(window, self.num_inference_steps)

    def __call__(
        self, model: Backbone, video: Video, *, progress: Progress = quiet, notes: Notes | None = None
    ) -> Video:
        """Inverts the video and edits it; the result has its rate and sound."""
        # Mistakes in the prompts and in the choice of the model surface before anything is computed.
        schedule, text, _ = self.schedule(model), self.texts(model)[0], self.sites(model)
        conditions = self.conditions(model, video)
        source = Source(model, text, model.encode(video), self.frames_per_batch, conditions)
        trajectory = self.invert(source, progress)
        if notes and notes.reconstructs:
            rebuilt = source.reconstruct(trajectory, schedule, progress)
            notes.reconstructed(model.decode(rebuilt, like=video))
        edited = self.edit(model, trajectory, conditions, notes)
        *_, z = progress(edited, description="Editing", total=len(schedule))
        return model.decode(z, like=video)

    def invert(self, source: Source, progress: Progress) -> Trajectory:
        """The source on its way to noise."""
        schedule = source.model.schedule(self.num_inference_steps)
        if self.base == "ddim" or self.inversion == "ddim":
            return source.ddim(schedule, progress)
        # All frames share their noise, so that what stands still in the video does so on its way, too.
        shape = len(schedule), 1, *source.clean.shape[1:]
        draws = torch.randn(shape, generator=generator(self.seed, "ddpm"))
        return source.ddpm(schedule, draws, progress, skip=self.schedule(source.model)[0].index)

    def schedule(self, model: Backbone) -> list[Step]:
        """The steps that the edit takes."""
        taken = max(1, round(self.strength * self.num_inference_steps))
        return model.schedule(self.num_inference_steps)[-taken:]

    def edit(
        self,
        model: Backbone,
        trajectory: Trajectory,
        conditions: Conditions | None = None,
        notes: Notes | None = None,
    ) -> Iterator[Latents]:
        """Yields the latents after each step from the source's noisy latents towards the target.

        Args:
            model: The backbone that inverted the video.
            trajectory: The source on its way to noise.
            conditions: What else the network is shown of the source; nothing if None.
            notes: Takes in where frames copied from, if given.
        """
        schedule = self.schedule(model)
        editor = self.editor(self.branches(model, trajectory, conditions or Conditions()), notes)
        z = self.start(trajectory, model.schedule(self.num_inference_steps)[0], schedule[0])
        return trajectory.sample(model, editor.denoise, z.to(editor.branches.texts[0].device), schedule)

    def branches(self, model: Backbone, trajectory: Trajectory, conditions: Conditions) -> Branches:
        """What the network predicts for, and where the source is put in."""
        return Branches(
            model=model,
            trajectory=trajectory,
            texts=self.texts(model),
            conditions=conditions,
            sites=self.sites(model),
            feature_steps=steps_within(self.feature_window, self.num_inference_steps),
            attention_steps=steps_within(self.attention_window, self.num_inference_steps),
        )

    def editor(self, branches: Branches, notes: Notes | None = None) -> Editor:
        """Works the settings out for a clip."""
        segments = Segments(len(branches.trajectory.clean), self.pivot_interval)
        return Editor(
            branches=branches,
            segments=segments,
            pivots=self.pivots(segments),
            blend=self.blend,
            guidance_scale=self.guidance_scale,
            joint_pivots=self.joint_pivots,
            frames_per_batch=self.frames_per_batch,
            notes=notes,
        )

    def start(self, trajectory: Trajectory, noisiest: Step, first: Step) -> Latents:
        """The source's latents at the first step; for SDEdit (Meng et al., ICLR 2022) the clean ones, noised.

        The noise is what the source has at the noisiest step, as published. DDPM inversion noises it anyway.
        """
        if self.base != "sdedit" or trajectory.residuals is not None:
            return trajectory.latents[first.index]
        signal = noisiest.start.signal * trajectory.clean
        eps = (trajectory.latents[noisiest.index] - signal) / noisiest.start.noise
        return noised(trajectory.clean, eps, first.start)

    def pivots(self, segments: Segments) -> list[list[int]]:
        """The frames that are edited jointly at each step, one of each segment."""
        stream = torch.Generator().manual_seed(self.seed)
        return [segments.draw(stream) for _ in range(self.num_inference_steps)]

    def texts(self, model: Backbone) -> tuple[Text, Text, Text]:
        """What the branches read: the source's prompt, the negative one and the target's."""
        return model.embed(self.source), model.embed(self.negative_prompt), model.embed(self.target)

    def conditions(self, model: Backbone, video: Video) -> Conditions:
        """What the network is shown of the video besides its latents: what a ControlNet reads, depth.

        Raises:
            ValueError: If a ControlNet was made for another kind of model.
        """
        control = self.controlled()
        if control:
            control.verify(model, frames=len(video), size=(video.height, video.width))
        if not isinstance(model, StableDiffusion):
            return Conditions()
        steering = control.steering(model, control.shown(model, video)) if control else ()
        estimate = Depth(model=self.depth_model, device=str(model.device))
        depth = depth_maps(model, estimate(video)) if reads_depth(model) else None
        return Conditions(tuple(steering), depth)

    def controlled(self) -> ControlledVideo | None:
        """What finds the control and its ControlNet, if the base is `controlnet`."""
        if self.base != "controlnet":
            return None
        return ControlledVideo(
            prompt=self.target,
            control=(self.control,),
            control_weights=(self.control_weight,),
            controlnets=(self.controlnet,) if self.controlnet else (),
            depth_model=self.depth_model,
        )

    def sites(self, model: Backbone) -> InjectionSites | None:
        """Where the source is put in, if it is."""
        return injection_sites(list(model.hooks.layers)) if self.base == "pnp" else None
