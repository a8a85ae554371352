"""Tune-A-Video at work (Wu et al., ICCV 2023).

The clip is carried to noise by the tuned model, without a prompt, and denoised towards another one: its
motion stays, and what moves is what the prompt says. Fresh noise makes a new clip that moves alike.
"""

from dataclasses import dataclass
from functools import cached_property

import torch

from ...backbones import Backbone, Branch, Condition, guided
from ...backbones.changes import Adapter, check_adapter, read_header
from ...inputs import Inputs
from ...sampling import Denoise, Step, sample
from ...sampling.noise import frame_noise
from ...typing import Latents
from ...video import Video
from ..cost import EDITED, latent_bytes, latent_size
from ..held import Held
from ..method import Cost, Run
from . import TuneAVideo, TuneAVideoClip, TunedSettings


@dataclass(frozen=True)
class TunedWork:
    """The part that an edit and a new clip share."""

    settings: TunedSettings
    model: Backbone

    @cached_property
    def adapter(self) -> Adapter:
        """What was learnt; its file is read once."""
        return Adapter.load(self.settings.motion, self.model)

    def towards(self, prompt: str) -> Denoise:
        """The guided prediction."""
        assert self.model.text
        text, negative = self.model.text(prompt), self.model.text(self.settings.negative_prompt)
        return guided(self.model, text, negative, self.settings.guidance_scale)

    def cost_of(self, video: Video, passes: int) -> Cost:
        """The cost of a clip that takes so many passes at each step."""
        steps, model = self.settings.num_inference_steps, self.model
        return Cost(
            steps=steps,
            evaluations=len(video) * steps * passes,
            memory={
                "weights": model.weight_bytes() + self.settings.motion.stat().st_size,
                "latents": latent_bytes(model, video),
                "activations": EDITED * len(video) * model.activation_bytes(latent_size(model, video)),
            },
        )


@dataclass(frozen=True)
class TuneAVideoEdit(TunedWork):
    """One edit on one model."""

    settings: TuneAVideo

    def check(self, inputs: Inputs) -> None:
        """Makes sure that the adapter fits the model."""
        self.model.schedule(self.settings.num_inference_steps)
        check_adapter(self.settings.motion, self.model)

    def cost(self, inputs: Inputs) -> Cost:
        """The cost: a pass to noise, and two branches back."""
        assert inputs.video
        return self.cost_of(inputs.video, 3)

    def __call__(self, inputs: Inputs, run: Run) -> Video:
        """Inverts the video and edits it."""
        model, video = self.model, inputs.video
        assert video and model.text
        empty, schedule = Condition(text=model.text("")), model.schedule(self.settings.num_inference_steps)

        def follow(z: Latents, step: Step) -> Latents:
            return model.predict(Branch(z, step, empty))[0]

        with model.changed(self.adapter, self.adapter.frame_hook):
            clean = model.encode(video).to(model.device)
            levels = [clean]
            for z in run.progress(
                sample(follow, clean, schedule.inverted()), description="Inverting", total=len(schedule)
            ):
                # All levels are looked up where there is a mask, else only the noisiest.
                levels = [*levels, z] if inputs.mask else [z]
            noise = levels[-1]
            held = Held.by(inputs, model, lambda step: levels[len(schedule) - 1 - step.index])
            if run.notes and run.notes.reconstructs:
                rebuilt = sample(follow, noise, schedule)
                *_, z = run.progress(rebuilt, description="Reconstructing", total=len(schedule))
                run.notes.reconstructed(model.decode(z, like=video))
            edited = sample(self.towards(self.settings.target), noise, schedule, keep=held)
            *_, z = run.progress(edited, description="Editing", total=len(schedule))
        return model.decode(z, like=video)


@dataclass(frozen=True)
class TuneAVideoClipWork(TunedWork):
    """One new clip by one model."""

    settings: TuneAVideoClip

    def check(self, inputs: Inputs) -> None:
        """Makes sure that the adapter fits the model, and the size too."""
        self.model.schedule(self.settings.num_inference_steps)
        check_adapter(self.settings.motion, self.model)
        self.model.encode(self.blank[:1])

    def cost(self, inputs: Inputs) -> Cost:
        """The cost: two branches."""
        return self.cost_of(self.blank, 2)

    def __call__(self, inputs: Inputs, run: Run) -> Video:
        """Generates the clip."""
        model, blank = self.model, self.blank
        shape = model.encode(blank[:1]).shape[1:]
        noise = frame_noise(shape, range(len(blank)), self.settings.seed).to(model.device)
        schedule = model.schedule(self.settings.num_inference_steps)
        with model.changed(self.adapter, self.adapter.frame_hook):
            clip = sample(self.towards(self.settings.prompt), noise, schedule)
            *_, z = run.progress(clip, description="Generating", total=len(schedule))
        return model.decode(z, like=blank)

    @cached_property
    def blank(self) -> Video:
        """A black clip of the length, size and rate: as tuned, where the settings don't say otherwise."""
        about, own = read_header(self.settings.motion), self.settings
        frames = own.num_frames or about.frames
        height, width = own.height or about.height, own.width or about.width
        return Video.of(torch.zeros(frames, 3, height, width, dtype=torch.uint8), own.fps or about.fps)
