"""Text2Video-Zero with ControlNets: a video redrawn along its edges, its depth or its poses.

All frames start from the same noise and attend to the first one; what differs between them is what the
ControlNets are shown (Khachatryan et al., "Text2Video-Zero", ICCV 2023).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..backbones import Backbone, StableDiffusion
from ..backbones.controlled import (
    CONTROLNETS,
    Steering,
    controlled,
    fits,
    load_controlnet,
    verify_controlnet,
)
from ..controls import Canny, Control, Depth, Pose
from ..fields import LocalName
from ..inputs import Fit, Grid
from ..progress import Progress
from ..sampling import Step, classifier_free
from ..sampling.noise import frame_noise
from ..typing import Latents
from ..video import Video
from .cross_frame import CrossFrameSettings
from .method import quiet
from .notes import Notes

ControlName = Literal["canny", "depth", "pose"]
OWN: dict[ControlName, str] = {"canny": "mini-canny"}
"""The ControlNets for `mini`."""
PUBLISHED: dict[ControlName, str] = {
    "canny": "lllyasviel/sd-controlnet-canny",
    "depth": "lllyasviel/sd-controlnet-depth",
    "pose": "lllyasviel/sd-controlnet-openpose",
}
"""The ControlNets for Stable Diffusion 1.5 and its descendants."""
PUBLISHED_FOR = {"in_channels": 4, "cross_attention_dim": 768}
"""What sets the UNets of these apart from others."""


@dataclass(frozen=True, kw_only=True)
class ControlledVideo(CrossFrameSettings):
    """Redraws a video along its edges, depth or poses, by any model that a ControlNet fits (ICCV 2023)."""

    prompt: str
    """What the result shows."""
    control: tuple[ControlName, ...] = ("canny",)
    """What to follow: `canny` (edges), `depth`, `pose`, or several of them."""
    control_weights: tuple[float, ...] = ()
    """How strongly to follow each of them, 1 if not given; lower it for more freedom."""
    controlnets: tuple[LocalName, ...] = ()
    """A ControlNet for each, as short names, hub ids or folders; if not given, `mini`'s own or those for
    Stable Diffusion 1.5."""
    control_video: LocalName | None = None
    """A clip that shows the control ready-made, such as moving skeletons, instead of finding it in the
    source."""
    canny_low: int = 100
    """Threshold for edges that continue others; lower it for more detail."""
    canny_high: int = 200
    """Threshold for edges; raise it for outlines alone."""
    depth_model: LocalName = "Intel/dpt-hybrid-midas"
    """The model that estimates depth: a hub id or a folder."""
    num_inference_steps: int = 20
    """Denoising steps: more give finer detail and take longer."""
    guidance_scale: float = 9.0
    """How strongly the prompt pulls. Turn it up when the prompt is ignored, down when colours burn."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.prompt.strip():
            raise ValueError("the prompt is empty; say in a few words what the result shows")
        if not self.control:
            raise ValueError("control is empty; name what to follow: canny, depth or pose")
        for name in ("control_weights", "controlnets"):
            given = len(getattr(self, name))
            if given not in (0, len(self.control)):
                raise ValueError(
                    f"{name} has {given} entries for {len(self.control)} controls; give one for each"
                )
        if self.control_video is not None and len(self.control) > 1:
            raise ValueError("a control_video shows one control; name that one alone")
        Canny(low=self.canny_low, high=self.canny_high)

    def __call__(
        self, model: Backbone, video: Video, *, progress: Progress = quiet, notes: Notes | None = None
    ) -> Video:
        """Redraws the video.

        Raises:
            ValueError: If the model isn't a Stable Diffusion or a ControlNet doesn't fit it, or the control
                video doesn't fit the video.
        """
        size = video.height, video.width
        model = self.verify(model, frames=len(video), size=size)
        text, negative = map(model.embed, self.prompts)
        steering = self.steering(model, self.shown(model, video))

        def denoise(z: Latents, step: Step, frames: slice) -> Latents:
            with controlled(model, steering, frames):
                without, towards = model.predict(step, (z, negative), (z, text))
            return classifier_free(without, towards, self.guidance_scale)

        sampler = self.sampler(model, denoise, *(each.net.hooks for each in steering))
        noise = self.noise(model.encode(video[:1]).shape[1:]).expand(len(video), -1, -1, -1)
        schedule = model.schedule(self.num_inference_steps)
        steps = sampler.sample(noise.to(text.device), schedule)
        *_, z = progress(steps, description="Drawing", total=len(schedule))
        return model.decode(z, like=video)

    def verify(self, model: Backbone, *, frames: int, size: tuple[int, int]) -> StableDiffusion:
        """Looks for the mistakes that show without computing, for a video of `frames` of `size`.

        Args:
            model: The model; one without weights will do.
            frames: Of the video.
            size: Its height and width.

        Returns:
            The model.

        Raises:
            FileNotFoundError, ValueError: As `__call__` does.
        """
        if not isinstance(model, StableDiffusion):
            raise ValueError(f"ControlNets steer Stable Diffusion, not {type(model).__name__}")
        for name in self.names(model):
            verify_controlnet(name, model)
        if self.control_video is not None:
            fitted(self.control_video, frames=frames, size=size, stride=model.stride)
        return model

    @property
    def prompts(self) -> tuple[str, ...]:
        return self.prompt, self.negative_prompt

    def shown(self, model: StableDiffusion, video: Video) -> list[Video]:
        """The control frames of each ControlNet."""
        if self.control_video is not None:
            size = video.height, video.width
            return [fitted(self.control_video, frames=len(video), size=size, stride=model.stride)]
        makers: dict[ControlName, Control] = {
            "canny": Canny(low=self.canny_low, high=self.canny_high),
            "depth": Depth(model=self.depth_model, device=str(model.device)),
            "pose": Pose(device=str(model.device)),
        }
        return [makers[name](video) for name in self.control]

    def names(self, model: StableDiffusion) -> Sequence[str]:
        """The ControlNets.

        Raises:
            ValueError: If none is given, and none is known for the model.
        """
        return self.controlnets or [controlnet_for(control, model) for control in self.control]

    def noise(self, shape: Sequence[int]) -> Latents:
        """What all frames start from."""
        return frame_noise(shape, [0], self.seed)

    def steering(self, model: StableDiffusion, shown: list[Video]) -> list[Steering]:
        """The ControlNets with what they are shown."""
        nets = [load_controlnet(name, model) for name in self.names(model)]
        weights = self.control_weights or (1.0,) * len(nets)
        return [
            Steering(net, net.hints(frames), weight)
            for net, frames, weight in zip(nets, shown, weights, strict=True)
        ]


def controlnet_for(control: ControlName, model: StableDiffusion) -> str:
    """The ControlNet that is used if none is named.

    Raises:
        ValueError: If none is known for that kind of model.
    """
    if control in OWN and fits(OWN[control], model):
        return OWN[control]
    if any(model.unet.config[setting] != value for setting, value in PUBLISHED_FOR.items()):
        raise ValueError(
            f"no ControlNet for {control} is known for this kind of model: name one that was trained with it "
            f"(controlnets). Known are those for sd15 and its descendants, and {', '.join(CONTROLNETS)}"
        )
    return PUBLISHED[control]


def fitted(path: str, *, frames: int, size: tuple[int, int], stride: int) -> Video:
    """The control video at the working size.

    Args:
        path: Where it lies.
        frames: How many it must have.
        size: Height and width to work at.
        stride: By less than this the picture in it may be smaller.

    Raises:
        FileNotFoundError, ValueError: If it can't be read, or has another length or shape.
    """
    control = Video.read(path)
    if len(control) != frames:
        raise ValueError(
            f"the control video {path} has {len(control)} frames and the video {frames}: they must match"
        )
    fit = Fit.to(control, area=size[0] * size[1], grid=Grid(8, stride=1), size=size)
    if any(side - content >= stride for side, content in zip(fit.size, fit.content, strict=True)):
        raise ValueError(
            f"the control video {path} is {control.width}x{control.height}, of another shape than the "
            f"video's {size[1]}x{size[0]}; crop it"
        )
    return fit.apply(control)
