"""Video Instruct-Pix2Pix: frames edited by an instruction, all attending to the first one.

InstructPix2Pix (Brooks et al., CVPR 2023), kept consistent as in Text2Video-Zero (Khachatryan et al., ICCV
2023).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from ..backbones import Backbone, StableDiffusion
from ..progress import Progress
from ..sampling import Step
from ..sampling.noise import frame_noise
from ..typing import Latents
from ..video import Video
from .cross_frame import CrossFrameSettings
from .method import quiet
from .notes import Notes


@dataclass(frozen=True, kw_only=True)
class VideoInstructPix2Pix(CrossFrameSettings):
    """Edits a video as told, such as "make it night", by an InstructPix2Pix model (CVPR and ICCV 2023)."""

    instruction: str
    """What to do, as one would tell a person: "make it winter", "turn the car into a bus"."""
    image_guidance_scale: float = 1.5
    """How closely to stay to the source. Turn it down when too little changes, up when too much does."""
    shared_noise: bool = True
    """Whether all frames are drawn from the same noise; without, they flicker more."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.instruction.strip():
            raise ValueError('the instruction is empty; say what to do, such as "make it night"')
        if self.image_guidance_scale < 0:
            raise ValueError(
                f"image_guidance_scale is {self.image_guidance_scale}; it must not be negative, 1.5 is usual"
            )

    def __call__(
        self, model: Backbone, video: Video, *, progress: Progress = quiet, notes: Notes | None = None
    ) -> Video:
        """Edits the video.

        Raises:
            ValueError: If the model doesn't read images beside latents.
        """
        model = instructed(model)
        text, negative = map(model.embed, self.prompts)
        images = model.encode(video) / model.vae.config.scaling_factor

        def denoise(z: Latents, step: Step, frames: slice) -> Latents:
            seen, unseen = torch.cat([z, images[frames]], 1), torch.cat([z, torch.zeros_like(z)], 1)
            both, image, neither = model.predict(step, (seen, text), (seen, negative), (unseen, negative))
            # Guidance by both conditions (Brooks et al.).
            return (
                neither + self.image_guidance_scale * (image - neither) + self.guidance_scale * (both - image)
            )

        def fresh(step: Step, frames: slice) -> Latents:
            return self.noise(images.shape[1:], range(frames.start, frames.stop), "step", step.index)

        schedule = self.schedule(model)
        sampler = replace(self.sampler(model, denoise), eta=1.0, noise=fresh)
        steps = sampler.sample(self.noise(images.shape[1:], range(len(video))).to(images), schedule)
        *_, z = progress(steps, description="Editing", total=len(schedule))
        return model.decode(z, like=video)

    @property
    def prompts(self) -> tuple[str, ...]:
        return self.instruction, self.negative_prompt

    def schedule(self, model: Backbone) -> list[Step]:
        """The steps; random ones, as published ("Euler ancestral")."""
        return model.schedule(self.num_inference_steps)

    def noise(self, shape: Sequence[int], frames: range, *names: int | str) -> Latents:
        """Noise for the given frames."""
        numbers = [0] * len(frames) if self.shared_noise else frames
        return frame_noise(shape, numbers, self.seed, *names)


def instructed(model: Backbone) -> StableDiffusion:
    """The model, if its network takes an image's latents beside those that it denoises.

    Raises:
        ValueError: If it doesn't.
    """
    if isinstance(model, StableDiffusion):
        unet = model.unet.config
        if unet["in_channels"] == 2 * unet["out_channels"]:
            return model
    raise ValueError(
        "this model can't be instructed: its network doesn't read images beside latents (8 channels). Use an "
        "InstructPix2Pix model, such as timbrooks/instruct-pix2pix"
    )
