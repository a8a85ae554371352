"""Text2Video-Zero (Khachatryan et al., ICCV 2023): clips, redrawn videos and instructions by image models."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from ...fields import Above, AtLeast, LocalName, Within
from ..method import Balance, Method, Needs, refuse_empty

if TYPE_CHECKING:
    from ...backbones import Backbone
    from .generate import Text2VideoZeroWork
    from .instruct import InstructPix2PixEdit
    from .redraw import RedrawEdit

ControlName = Literal["canny", "depth", "pose"]


def refuse_levels(t0: float, t1: float) -> None:
    """Refuses levels of noise between which frames can't move.

    Raises:
        ValueError: If they aren't 0 <= t0 < t1 <= 1.
    """
    if not 0 <= t0 < t1 <= 1:
        raise ValueError(
            f"t0 is {t0} and t1 {t1}; they are shares of the steps, 0 <= t0 < t1 <= 1, as 0.88 and 0.94"
        )


@dataclass(frozen=True, kw_only=True)
class CrossFrameSettings(Method):
    """The fields that all modes share: all frames attend to the first one."""

    negative_prompt: str = ""
    """What to keep out of the result."""
    num_inference_steps: Annotated[int, AtLeast(1, usual=50)] = 50
    """Denoising steps: more give finer detail and take longer."""
    guidance_scale: Annotated[float, AtLeast(0, usual=7.5)] = 7.5
    """How strongly the prompt pulls. Turn it up when the prompt is ignored, down when colours burn."""
    seed: int = 0
    """Another seed gives another result; the same one gives the same, on any machine."""
    cross_frame: bool = True
    """Whether frames attend to the first one; without, they share its noise at most."""
    merging_ratio: Annotated[float, Within(0, 1, below=True)] = 0.0
    """Share of the positions to merge in the largest attention layers, at most 0.75: faster, but coarser."""
    frames_per_batch: Annotated[int, AtLeast(1, usual=4)] = 4
    """Frames computed together: more are faster and take more memory; the result stays the same."""


@dataclass(frozen=True, kw_only=True)
class Text2VideoZero(CrossFrameSettings):
    """A clip from a prompt, by an image model: the camera moves, things keep their looks (ICCV 2023)."""

    name: ClassVar = "text2video-zero"
    title: ClassVar = "From a prompt alone"
    needs: ClassVar = Needs(
        inputs=frozenset(), attends=frozenset({"frame", "words"}), one_latent_per_frame=True
    )

    prompt: str
    """What the clip shows."""
    prompt_suffix: str = ""
    """Added to the prompt after a comma, such as "high quality, HD, 8K, dramatic lighting"."""
    num_frames: Annotated[int, AtLeast(1)] = 8
    """Length of the clip."""
    fps: Annotated[float, Above(0)] = 4.0
    """Frames in a second."""
    height: int | None = None
    """Rows of pixels; the model's own if not given."""
    width: int | None = None
    """Columns of pixels; the model's own if not given."""
    motion: bool = True
    """Whether frames are the first one, moved; without, each starts from its own noise."""
    pan: tuple[float, float] = (12.0, 12.0)
    """How far the camera goes right and down from frame to frame, in 512ths of the frame."""
    zoom: Annotated[float, Above(0, usual=1)] = 1.0
    """How much closer the camera comes from frame to frame: 1.02 zooms in slowly, 0.98 out."""
    path: tuple[tuple[float, float], ...] = ()
    """The camera's place at each frame after the first, right and down in 512ths, instead of `pan`."""
    t0: float | None = None
    """The level at which the first frame is moved, as a share of the steps: 0 is clean, 1 is noise. The
    lower, the more surely things move along. If not given, 0.88 as published, or 0.5 for small models."""
    t1: float | None = None
    """The level up to which moved frames are made noisy again, 0.06 above `t0` if not given: the further
    above, the more they differ."""
    smooth_background: Annotated[float, Within(0, 1)] = 0.0
    """How much of the first frame's background the others take on: 0.6 calms a flickering one, at twice the
    time. Name the `subject`, or give a `subject_mask`."""
    subject: tuple[str, ...] = ()
    """Words of the prompt for what isn't background."""
    subject_mask: Path | None = None
    """A video or image that is white where the subject is, instead of `subject`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_empty(self.prompt, "prompt", "the clip shows")
        refuse_levels(self.t0 or 0.0, 1.0 if self.t1 is None else self.t1)
        if self.path and len(self.path) != self.num_frames - 1:
            raise ValueError(
                f"path has {len(self.path)} places and {self.num_frames} frames need {self.num_frames - 1}: "
                "one for each frame after the first"
            )

    @property
    def prompts(self) -> tuple[str, ...]:
        return ", ".join(filter(None, [self.prompt, self.prompt_suffix])), self.negative_prompt

    def on(self, model: "Backbone") -> "Text2VideoZeroWork":
        from .generate import Text2VideoZeroWork

        return Text2VideoZeroWork(self, model)


@dataclass(frozen=True, kw_only=True)
class Text2VideoZeroRedraw(CrossFrameSettings):
    """Redraws a video along its edges, depth or poses, by any model that a ControlNet fits (ICCV 2023)."""

    name: ClassVar = "text2video-zero"
    title: ClassVar = "Text2Video-Zero: redraw along edges, depth or poses"
    needs: ClassVar = Needs(attends=frozenset({"frame"}), one_latent_per_frame=True)

    prompt: str
    """What the result shows."""
    control: tuple[ControlName, ...] = ("canny",)
    """What to follow: `canny` (edges), `depth`, `pose`, or several of them."""
    control_weights: tuple[float, ...] = ()
    """How strongly to follow each of them, 1 if not given; lower it for more freedom."""
    controlnets: tuple[LocalName, ...] = ()
    """A ControlNet for each, as short names, hub ids or folders; if not given, `mini`'s own or those for
    Stable Diffusion 1.5."""
    canny_low: Annotated[int, AtLeast(0, usual=100)] = 100
    """Threshold for edges that continue others; lower it for more detail."""
    canny_high: Annotated[int, AtLeast(0, usual=200)] = 200
    """Threshold for edges; raise it for outlines alone."""
    depth_model: LocalName = "Intel/dpt-hybrid-midas"
    """The model that estimates depth: a hub id or a folder."""
    num_inference_steps: Annotated[int, AtLeast(1, usual=20)] = 20
    """Denoising steps: more give finer detail and take longer."""
    guidance_scale: Annotated[float, AtLeast(0, usual=9)] = 9.0
    """How strongly the prompt pulls. Turn it up when the prompt is ignored, down when colours burn."""

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_empty(self.prompt, "prompt", "the result shows")
        if not self.control:
            raise ValueError("control is empty; name what to follow: canny, depth or pose")
        for name in ("control_weights", "controlnets"):
            count = len(getattr(self, name))
            if count not in (0, len(self.control)):
                raise ValueError(
                    f"{name} has {count} entries for {len(self.control)} controls; give one for each"
                )
        if self.canny_low > self.canny_high:
            raise ValueError(
                f"canny_low is {self.canny_low} and canny_high {self.canny_high}; the low one "
                "must not be above the high one"
            )

    @property
    def prompts(self) -> tuple[str, ...]:
        return self.prompt, self.negative_prompt

    def on(self, model: "Backbone") -> "RedrawEdit":
        from .redraw import RedrawEdit

        return RedrawEdit(self, model)


@dataclass(frozen=True, kw_only=True)
class InstructPix2Pix(CrossFrameSettings):
    """Edits a video as told, such as "make it night", by an InstructPix2Pix model (CVPR and ICCV 2023)."""

    name: ClassVar = "instruct-pix2pix"
    title: ClassVar = "Instruct-Pix2Pix: tell it what to do"
    needs: ClassVar = Needs(
        conditions=frozenset({"text", "beside"}), attends=frozenset({"frame"}), one_latent_per_frame=True
    )
    balance: ClassVar = Balance(ends={"image_guidance_scale": (2.2, 1.0)})

    instruction: str
    """What to do, as one would tell a person: "make it winter", "turn the car into a bus"."""
    image_guidance_scale: Annotated[float, AtLeast(0, usual=1.5)] = 1.5
    """How closely to stay to the source. Turn it down when too little changes, up when too much does."""
    shared_noise: bool = True
    """Whether all frames are drawn from the same noise; without, they flicker more."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.instruction.strip():
            raise ValueError('the instruction is empty; say what to do, such as "make it night"')

    @property
    def prompts(self) -> tuple[str, ...]:
        return self.instruction, self.negative_prompt

    def on(self, model: "Backbone") -> "InstructPix2PixEdit":
        from .instruct import InstructPix2PixEdit

        return InstructPix2PixEdit(self, model)
