"""Text2Video-Zero with ControlNets at work: a video redrawn along its edges, its depth or its poses.

All frames start from the same noise and attend to the first one; what differs between them is what the
ControlNets are shown (Khachatryan et al., "Text2Video-Zero", ICCV 2023).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ...backbones import Backbone, guided
from ...backbones.changes import (
    CONTROLNETS,
    ControlNetFile,
    Steering,
)
from ...controls import CONTROLS
from ...inputs import Inputs
from ...sampling import Step
from ...sampling.noise import frame_noise
from ...typing import Latents
from ...video import Video
from ..cost import latent_size
from ..held import Held
from ..method import Cost, Run
from . import ControlName, Text2VideoZeroRedraw
from .cross_frame import CrossFrameWork

OWN: dict[ControlName, str] = {"canny": "mini-canny"}
"""The ControlNets for `mini`."""
PUBLISHED: dict[ControlName, str] = {
    "canny": "lllyasviel/sd-controlnet-canny",
    "depth": "lllyasviel/sd-controlnet-depth",
    "pose": "lllyasviel/sd-controlnet-openpose",
}
"""The ControlNets for Stable Diffusion 1.5 and its descendants."""
PUBLISHED_WIDTH = 768
"""The width of the texts that these read, which sets them apart from others."""


@dataclass(frozen=True)
class RedrawEdit(CrossFrameWork):
    """One redrawing on one model."""

    settings: Text2VideoZeroRedraw

    def check(self, inputs: Inputs) -> None:
        """Makes sure that the ControlNets fit the model, and a control clip the video."""
        assert inputs.video
        self.model.schedule(self.settings.num_inference_steps)
        for net in self.nets:
            net.refuse_unfit(self.model)
        if inputs.control is not None:
            refuse_control(inputs.control, inputs.video, self.settings.control)

    def cost(self, inputs: Inputs) -> Cost:
        """The cost: two branches, and the ControlNets beside them."""
        assert inputs.video
        nets = sum(net.weight_bytes(self.model) for net in self.nets)
        cost = self.cost_of(inputs.video, 2, weights=nets)
        hints = len(inputs.video) * self.model.feature_bytes(latent_size(self.model, inputs.video))
        return replace(cost, memory={**cost.memory, "controls": hints * len(self.nets)})

    def __call__(self, inputs: Inputs, run: Run) -> Video:
        """Redraws the video."""
        model, video = self.model, inputs.video
        assert video and model.text
        text, negative = map(model.text, self.settings.prompts)
        towards = guided(model, text, negative, self.settings.guidance_scale)
        steering = self.steering(self.shown(inputs))

        def denoise(z: Latents, step: Step, frames: slice) -> Latents:
            with model.changed(*(each.of(frames) for each in steering)):
                return towards(z, step)

        noise = self.noise(model.encode(video[:1]).shape[1:]).expand(len(video), -1, -1, -1)
        sampler = replace(
            self.sampler(denoise, *(each.net.control for each in steering)),
            held=Held.noised(inputs, model, noise),
        )
        schedule = model.schedule(self.settings.num_inference_steps)
        steps = sampler.sample(noise.to(model.device), schedule)
        *_, z = run.progress(steps, description="Drawing", total=len(schedule))
        return model.decode(z, like=video)

    def shown(self, inputs: Inputs) -> list[Video]:
        """The control frames of each ControlNet."""
        if inputs.control is not None:
            return [inputs.control]
        settings, device = self.settings, str(self.model.device)
        options: dict[str, dict[str, Any]] = {
            "canny": {"low": settings.canny_low, "high": settings.canny_high},
            "depth": {"model": settings.depth_model, "device": device},
            "pose": {"device": device},
        }
        assert inputs.video
        return [CONTROLS[name](**options.get(name, {}))(inputs.video) for name in settings.control]

    @cached_property
    def nets(self) -> Sequence[ControlNetFile]:
        """The ControlNets, of which only the configurations are read.

        Raises:
            FileNotFoundError: If one isn't there.
            ValueError: If none is given, and none is known for the model.
        """
        settings = self.settings
        known = (controlnet_for(control, self.model) for control in settings.control)
        return [ControlNetFile.find(name) for name in settings.controlnets or known]

    def noise(self, shape: Sequence[int]) -> Latents:
        """The noise that all frames start from."""
        return frame_noise(shape, [0], self.settings.seed)

    def steering(self, shown: list[Video]) -> list[Steering]:
        """The ControlNets with what they are shown."""
        nets = [net.load(self.model) for net in self.nets]
        weights = self.settings.control_weights or (1.0,) * len(nets)
        return [
            Steering(net, net.hints(frames), weight)
            for net, frames, weight in zip(nets, shown, weights, strict=True)
        ]


def controlnet_for(control: ControlName, model: Backbone) -> str:
    """The ControlNet that is used if none is named.

    Raises:
        ValueError: If none is known for that kind of model.
    """
    if control in OWN and ControlNetFile.find(OWN[control]).fits(model):
        return OWN[control]
    fits = model.conditions == {"text"} and model.text and model.text.width == PUBLISHED_WIDTH
    if not fits or control not in PUBLISHED:
        raise ValueError(
            f"no ControlNet for {control} is known for this kind of model: name one that was trained with it "
            f"(controlnets). Known are those for sd15 and its descendants, and {', '.join(CONTROLNETS)}"
        )
    return PUBLISHED[control]


def refuse_control(control: Video, video: Video, controls: Sequence[str]) -> None:
    """Raises ValueError if a control clip doesn't go with the video, or shows one of several controls."""
    if len(controls) > 1:
        raise ValueError("a control video shows one control; name that one alone")
    if len(control) != len(video):
        raise ValueError(
            f"the control video has {len(control)} frames and the video {len(video)}: they must match"
        )
