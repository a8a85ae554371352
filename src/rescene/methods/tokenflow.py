"""TokenFlow (Geyer et al., ICLR 2024): edit a few frames jointly and carry their features to all others.

At every step of the edit, one random frame of each segment is a pivot. The pivots attend to each other while
they are denoised towards the target. All other frames copy what self-attention put out for the pivots, from
the positions that correspond in the source: a consistent video from an image model, at any length.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch

from ..attention import InjectionSites, Segments, injection_sites
from ..backbones import Backbone, StableDiffusion
from ..backbones.controlled import Steering
from ..prompts import Window, steps_within
from ..sampling import Step, noised
from ..sampling.noise import generator
from ..typing import Latents, LocalName, Progress, Text
from ..video import Video
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
    """The ControlNet for it, as hub id or folder; the one for Stable Diffusion 1.5 if not given."""
    control_weight: float = 1.0
    """How strongly to follow it; lower it for more freedom."""
    pivot_interval: int = 8
    """Frames from one pivot, a frame that is edited jointly with the other pivots, to the next. Fewer follow
    fast motion better and take longer."""
    joint_pivots: int = 8
    """Pivots that attend to each other; in a longer clip, those nearby and the first. More keep long clips
    more alike and need more memory."""
    frames_per_batch: int = 8
    """Frames that the network sees at once: more are faster and need more memory, the result is the same."""
    seed: int = 0
    """Chooses the pivots and the noise."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.strength <= 1:
            raise ValueError(f"strength is {self.strength}; it must be above 0 and at most 1, 0.9 is usual")
        for name, least in (("pivot_interval", 1), ("joint_pivots", 3), ("frames_per_batch", 1)):
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
        steering = self.steering(model, video)
        source = Source(model, text, model.encode(video), self.frames_per_batch, steering)
        trajectory = self.invert(source, progress)
        if notes:
            rebuilt = source.reconstruct(trajectory, schedule, progress)
            notes.reconstructed(model.decode(rebuilt, like=video))
        edited = self.edit(model, trajectory, steering)
        *_, z = progress(edited, description="Editing", total=len(schedule))
        return model.decode(z, like=video)

    def invert(self, source: Source, progress: Progress) -> Trajectory:
        """The source on its way to noise."""
        schedule = source.model.schedule(self.num_inference_steps)
        if self.base == "ddim" or self.inversion == "ddim":
            return source.ddim(schedule, progress)
        # All frames share their noise, so that what stands still in the video does so on its way, too.
        shape = len(schedule), 1, *source.clean.shape[1:]
        return source.ddpm(schedule, torch.randn(shape, generator=generator(self.seed, "ddpm")), progress)

    def schedule(self, model: Backbone) -> list[Step]:
        """The steps that the edit takes."""
        taken = max(1, round(self.strength * self.num_inference_steps))
        return model.schedule(self.num_inference_steps)[-taken:]

    def edit(
        self, model: Backbone, trajectory: Trajectory, steering: tuple[Steering, ...] = ()
    ) -> Iterator[Latents]:
        """Yields the latents after each step from the source's noisy latents towards the target.

        Args:
            model: The backbone that inverted the video.
            trajectory: The source on its way to noise.
            steering: ControlNets that take part, with what they are shown of the source.
        """
        schedule, editor = self.schedule(model), self.editor(model, trajectory, steering)
        z = self.start(trajectory, model.schedule(self.num_inference_steps)[0], schedule[0])
        return trajectory.sample(model, editor.denoise, z.to(editor.texts[0].device), schedule)

    def editor(self, model: Backbone, trajectory: Trajectory, steering: tuple[Steering, ...]) -> Editor:
        """Works the settings out for `model` and the clip."""
        segments = Segments(len(trajectory.clean), self.pivot_interval)
        return Editor(
            model=model,
            trajectory=trajectory,
            texts=self.texts(model),
            steering=steering,
            segments=segments,
            pivots=self.pivots(segments),
            sites=self.sites(model),
            feature_steps=steps_within(self.feature_window, self.num_inference_steps),
            attention_steps=steps_within(self.attention_window, self.num_inference_steps),
            guidance_scale=self.guidance_scale,
            joint_pivots=self.joint_pivots,
            frames_per_batch=self.frames_per_batch,
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

    def steering(self, model: Backbone, video: Video) -> tuple[Steering, ...]:
        """The ControlNet with what it is shown of the video, if there is one.

        Raises:
            ValueError: If it was made for another kind of model.
        """
        if self.base != "controlnet":
            return ()
        if not isinstance(model, StableDiffusion):
            raise ValueError(f"ControlNets steer Stable Diffusion, not {type(model).__name__}")
        nets = (self.controlnet,) if self.controlnet else ()
        weights = (self.control_weight,)
        control = ControlledVideo(
            prompt=self.target, control=(self.control,), control_weights=weights, controlnets=nets
        )
        return tuple(control.steering(model, control.shown(model, video)))

    def sites(self, model: Backbone) -> InjectionSites | None:
        """Where the source is put in, if it is."""
        return injection_sites(list(model.hooks.layers)) if self.base == "pnp" else None
