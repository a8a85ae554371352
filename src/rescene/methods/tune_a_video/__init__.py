"""Tune-A-Video (Wu et al., ICCV 2023): edits and clips by a model that has learnt one clip's motion.

`rescene train one-shot` tunes the model (`rescene.training.OneShot`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from ...fields import Above, AtLeast
from ..method import Method, Needs, refuse_empty

if TYPE_CHECKING:
    from ...backbones import Backbone
    from .work import TuneAVideoClipWork, TuneAVideoEdit


@dataclass(frozen=True, kw_only=True)
class TunedSettings(Method):
    """The fields that an edit and a new clip share."""

    motion: Path
    """What `rescene train one-shot` made of the clip."""
    negative_prompt: str = ""
    """What to keep out of the result."""
    num_inference_steps: Annotated[int, AtLeast(1, usual=50)] = 50
    """Denoising steps; 10 to 20 do for a first look."""
    guidance_scale: Annotated[float, AtLeast(0, usual=12.5)] = 12.5
    """How strongly the prompt pulls, 1 or more. Turn it down when colours burn."""


@dataclass(frozen=True, kw_only=True)
class TuneAVideo(TunedSettings):
    """Edits a clip that the model was tuned to: its motion stays, also for new shapes (ICCV 2023)."""

    name: ClassVar = "tune-a-video"
    title: ClassVar = "Tune-A-Video: with a motion learnt under Train"
    needs: ClassVar = Needs(attends=frozenset({"frame"}), one_latent_per_frame=True)

    target: str
    """What the clip should show: the prompt that it was tuned on, with a few words changed."""

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_empty(self.target, "target prompt", "the video should show")

    @property
    def prompts(self) -> tuple[str, ...]:
        return self.target, self.negative_prompt, ""

    def on(self, model: "Backbone") -> "TuneAVideoEdit":
        from .work import TuneAVideoEdit

        return TuneAVideoEdit(self, model)


@dataclass(frozen=True, kw_only=True)
class TuneAVideoClip(TunedSettings):
    """A new clip that moves like the one that the model was tuned to (Tune-A-Video, ICCV 2023)."""

    name: ClassVar = "tune-a-video"
    title: ClassVar = "With a motion learnt under Train"
    needs: ClassVar = Needs(inputs=frozenset(), attends=frozenset({"frame"}), one_latent_per_frame=True)

    prompt: str
    """What the clip shows."""
    num_frames: Annotated[int, AtLeast(1)] | None = None
    """Length of the clip; as tuned if not given."""
    fps: Annotated[float, Above(0)] | None = None
    """Frames in a second; as tuned if not given."""
    height: int | None = None
    """Rows of pixels; as tuned if not given."""
    width: int | None = None
    """Columns of pixels; as tuned if not given."""
    seed: int = 0
    """Another seed gives another clip; the same one gives the same, on any machine."""

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_empty(self.prompt, "prompt", "the clip shows")

    @property
    def prompts(self) -> tuple[str, ...]:
        return self.prompt, self.negative_prompt

    def on(self, model: "Backbone") -> "TuneAVideoClipWork":
        from .work import TuneAVideoClipWork

        return TuneAVideoClipWork(self, model)
