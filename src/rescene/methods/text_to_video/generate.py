"""Sampling at work: noise for each latent frame, a network that predicts, a sampler that walks to a clip."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from ...backbones import Backbone, Branch, ClipModel, Condition, Picture, guided, unipc
from ...inputs import Fit, Inputs
from ...sampling import Denoise, Schedule, sample
from ...sampling.noise import frame_noise
from ...typing import Frames
from ...video import Video
from ..cost import latent_bytes, latent_size
from ..method import Cost, Run
from . import TextToVideo


def work_on(settings: TextToVideo, model: Backbone) -> "TextToVideoWork":
    """The method at work on a model, which `Needs` has found to be one of clips."""
    assert isinstance(model, ClipModel)
    return TextToVideoWork(settings, model)


@dataclass(frozen=True)
class TextToVideoWork:
    """One clip by one model."""

    settings: TextToVideo
    model: ClipModel

    def check(self, inputs: Inputs) -> None:
        """Makes sure that the model takes pictures or needs none, and that the size suits it.

        Raises:
            FileNotFoundError, ValueError: For what is wrong.
        """
        settings, model = self.settings, self.model
        known = model.conditions | model.options
        if settings.image and "picture" not in known:
            raise ValueError(
                "this model makes clips from a prompt alone; leave the image out, or use one that takes it, "
                "such as wan-5b or wan-i2v-14b"
            )
        if "picture" in model.conditions and not settings.image:
            raise ValueError("this model makes clips out of a first frame; give it with --image")
        self.schedule()
        if self.blank and settings.image:
            self.frame(settings.image)

    def cost(self, inputs: Inputs) -> Cost:
        """The cost: two passes a step, one after the other, of the whole clip."""
        settings, model = self.settings, self.model
        clip = self.blank.lengthen(self.frames)
        native = model.native_frames or self.frames
        long = f"the model was trained on {native} frames: a longer clip may repeat itself"
        latents = model.grid.latents(self.longer)
        return Cost(
            steps=settings.num_inference_steps,
            evaluations=(1 if settings.guidance_scale == 1 else 2) * settings.num_inference_steps * len(clip),
            memory={
                "weights": model.weight_bytes(),
                "latents": 2 * latent_bytes(model, clip),
                "activations": latents * model.activation_bytes(latent_size(model, clip)),
            },
            remarks=(self.usual(), *((long,) if len(clip) > native else ())),
        )

    def usual(self) -> str:
        """A line on what the model's makers sample with, and what is taken instead."""
        schedule, settings = self.schedule(), self.settings
        scales = dict.fromkeys(f"{self.model.guidance(step):g}" for step in schedule)
        guidance = " and ".join(scales) if settings.guidance_scale is None else f"{settings.guidance_scale:g}"
        shift = self.model.shift if settings.shift is None else settings.shift
        own = settings.guidance_scale is None and settings.shift is None
        return f"guidance {guidance}, shift {shift:g}" + (" (as the model's makers sample)" if own else "")

    def __call__(self, inputs: Inputs, run: Run) -> Video:
        """Generates the clip."""
        settings, model = self.settings, self.model
        towards = self.denoiser()
        shape = model.latent_channels, *latent_size(model, self.blank)
        noise = frame_noise(shape, range(model.grid.latents(self.longer)), settings.seed).to(model.device)
        walk = unipc if settings.solver == "unipc" else sample
        schedule = self.schedule()
        with torch.no_grad():
            states = walk(towards, noise, schedule)
            *_, z = run.progress(states, description="Generating", total=len(schedule))
        return model.decode(z, like=self.blank)[: self.frames]

    def denoiser(self) -> Denoise:
        """Predictions towards the prompt, and away from the negative one unless the scale is 1."""
        model, scale = self.model, self.settings.guidance_scale
        assert model.text
        text, negative = map(model.text, self.settings.prompts)
        picture = self.picture()
        if scale == 1:
            condition = Condition(text=text, picture=picture)
            return lambda z, step: model.predict(Branch(z, step, condition))[0]
        return guided(model, text, negative, model.guidance if scale is None else scale, picture=picture)

    def schedule(self) -> Schedule:
        """The steps from noise to video."""
        return self.model.schedule(self.settings.num_inference_steps, shift=self.settings.shift)

    @property
    def frames(self) -> int:
        """Length of the clip."""
        return self.settings.num_frames or self.model.native_frames or 1

    @property
    def longer(self) -> int:
        """Length at work, which fills the latents; what is beyond the clip is cut off."""
        return self.model.grid.longer(self.frames)

    @cached_property
    def blank(self) -> Video:
        """A black frame of the clip's size and rate.

        Raises:
            FileNotFoundError, ValueError: If the model can't make such frames, or the image isn't there.
        """
        settings, stride = self.settings, self.model.grid.stride
        height, width = self.size
        if height <= 0 or width <= 0 or height % stride or width % stride:
            nearest = [max(1, round(n / stride)) * stride for n in (height, width)]
            raise ValueError(
                f"height is {height} and width {width}; this model takes multiples of {stride}, "
                f"such as {nearest[0]} and {nearest[1]}"
            )
        fps = settings.fps or self.model.native_fps
        return Video.of(torch.zeros(1, 3, height, width, dtype=torch.uint8), fps)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns: as asked for, or the model's, which an image's shape changes."""
        settings, model = self.settings, self.model
        usual = model.native_size
        if settings.image is not None and not (settings.height and settings.width):
            picture = Video.read(settings.image)[:1]
            usual = Fit.to(picture, area=model.native_area, grid=model.grid).size
        return settings.height or usual[0], settings.width or usual[1]

    def frame(self, path: Path) -> Frames:
        """A picture at the clip's size."""
        return Video.read(path)[:1].cover(self.blank.height, self.blank.width).frames

    def picture(self) -> Picture | None:
        """What the model reads of the first frame, and of the last."""
        settings = self.settings
        if settings.image is None:
            return None
        last = None if settings.last_image is None else self.frame(settings.last_image)
        return self.model.picture(
            self.frame(settings.image), fps=float(self.blank.fps), frames=self.longer, last=last
        )
