"""Video Instruct-Pix2Pix at work: frames edited by an instruction, all attending to the first one.

InstructPix2Pix (Brooks et al., CVPR 2023), kept consistent as in Text2Video-Zero (Khachatryan et al., ICCV
2023).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from ...backbones import Branch, Condition
from ...inputs import Inputs
from ...sampling import Schedule, Step
from ...sampling.noise import frame_noise
from ...typing import Latents
from ...video import Video
from ..held import Held
from ..method import Cost, Run
from . import InstructPix2Pix
from .cross_frame import CrossFrameWork


@dataclass(frozen=True)
class InstructPix2PixEdit(CrossFrameWork):
    """One edit on one model."""

    settings: InstructPix2Pix

    def check(self, inputs: Inputs) -> None:
        """Makes sure that the model takes so many steps."""
        self.schedule()

    def cost(self, inputs: Inputs) -> Cost:
        """The cost: three branches."""
        assert inputs.video
        return self.cost_of(inputs.video, 3, branches=3)

    def __call__(self, inputs: Inputs, run: Run) -> Video:
        """Edits the video."""
        model, settings, video = self.model, self.settings, inputs.video
        assert video and model.text
        text, negative = map(model.text, settings.prompts)
        images = model.encode(video)

        def denoise(z: Latents, step: Step, frames: slice) -> Latents:
            seen, unseen = images[frames], torch.zeros_like(images[frames])
            both, image, neither = model.predict(
                Branch(z, step, Condition(text=text, beside=seen)),
                Branch(z, step, Condition(text=negative, beside=seen)),
                Branch(z, step, Condition(text=negative, beside=unseen)),
            )
            # Guidance by both conditions (Brooks et al., eq. 3).
            towards_image = settings.image_guidance_scale * (image - neither)
            return neither + towards_image + settings.guidance_scale * (both - image)

        def fresh(step: Step, frames: slice) -> Latents:
            return self.noise(images.shape[1:], range(frames.start, frames.stop), "step", step.index)

        schedule = self.schedule()
        noise = self.noise(images.shape[1:], range(len(video))).to(images)
        held = Held.noised(inputs, model, noise)
        sampler = replace(self.sampler(denoise), eta=1.0, noise=fresh, held=held)
        steps = sampler.sample(noise, schedule)
        *_, z = run.progress(steps, description="Editing", total=len(schedule))
        return model.decode(z, like=video)

    def schedule(self) -> Schedule:
        """The steps; random ones, as published ("Euler ancestral")."""
        return self.model.schedule(self.settings.num_inference_steps)

    def noise(self, shape: Sequence[int], frames: range, *names: int | str) -> Latents:
        """Noise for the given frames."""
        numbers = [0] * len(frames) if self.settings.shared_noise else frames
        return frame_noise(shape, numbers, self.settings.seed, *names)
