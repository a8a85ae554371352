"""Clips by video transformers, as their makers sample them: from a prompt, or from a picture and a prompt."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from ...fields import Above, AtLeast
from ..method import Method, Needs, refuse_empty

if TYPE_CHECKING:
    from ...backbones import Backbone
    from .generate import TextToVideoWork


@dataclass(frozen=True, kw_only=True)
class TextToVideo(Method):
    """A clip from a prompt, and from a first frame where one is given, by a video model such as wan-1.3b."""

    name: ClassVar = "text-to-video"
    title: ClassVar = "By a video model"
    needs: ClassVar = Needs(
        inputs=frozenset(), may=frozenset({"picture"}), attends=frozenset({"clip", "words"})
    )

    prompt: str
    """What the clip shows, in a sentence or two: things, what they do, where, how the camera moves."""
    negative_prompt: str = ""
    """What to keep out of the result."""
    image: Path | None = None
    """A picture that becomes the first frame, for models that take one; scaled and cropped to the size."""
    last_image: Path | None = None
    """A picture that becomes the last frame, for models that take two."""
    num_frames: Annotated[int | None, AtLeast(1)] = None
    """Length of the clip; the model's own if not given."""
    fps: Annotated[float | None, Above(0)] = None
    """Frames in a second; the model's own if not given."""
    height: int | None = None
    """Rows of pixels; the model's own, or those of the image at the model's area, if not given."""
    width: int | None = None
    """Columns of pixels, likewise."""
    num_inference_steps: Annotated[int, AtLeast(1, usual=50)] = 50
    """Denoising steps: more give finer detail and take longer."""
    guidance_scale: Annotated[float | None, AtLeast(0, usual=5)] = None
    """How strongly the prompt pulls; as the model's makers sample if not given. 1, for distilled models, does
    without the negative prompt and takes half the time."""
    shift: Annotated[float | None, Above(0, usual=5)] = None
    """How many of the steps go into the layout: 3 suits small frames, 8 to 12 small models; as the model's
    makers sample if not given."""
    solver: Literal["unipc", "euler"] = "unipc"
    """The sampler: unipc is the makers', euler the plain one that edits use."""
    seed: int = 0
    """Another seed gives another result; the same one gives the same, on any machine."""

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_empty(self.prompt, "prompt", "the clip shows")
        if self.last_image is not None and self.image is None:
            raise ValueError("last_image needs an image, the first frame, as well")

    @property
    def prompts(self) -> tuple[str, ...]:
        return self.prompt, self.negative_prompt

    def on(self, model: "Backbone") -> "TextToVideoWork":
        from .generate import work_on

        return work_on(self, model)
