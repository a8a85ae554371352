"""What all methods are, and what text-driven edits share."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..backbones import Backbone
from ..progress import Progress, quiet
from ..video import Video
from .notes import Notes


@runtime_checkable
class Method(Protocol):
    """An edit as a value: a frozen dataclass of prompts and hyper-parameters that can be called."""

    def __call__(
        self, model: Backbone, video: Video, *, progress: Progress = quiet, notes: Notes | None = None
    ) -> Video:
        """Returns the edited video; looks for mistakes in the settings before it computes anything."""
        ...


@runtime_checkable
class Generator(Protocol):
    """A new clip as a value: a frozen dataclass like a `Method`, but called without a video."""

    def __call__(self, model: Backbone, *, progress: Progress = quiet) -> Video:
        """Returns the clip; looks for mistakes in the settings before it computes anything."""
        ...

    def check(self, model: Backbone) -> None:
        """Looks for the mistakes that show without computing; a model without weights will do.

        Raises:
            ValueError: For what is wrong.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class TextEdit:
    """The fields that text-driven edits share."""

    source: str
    """What the video shows, in plain words: its main object, what it does and where. The closer the
    description, the better the inversion."""
    target: str
    """What it should show. Change as few words of the source prompt as the edit needs."""
    negative_prompt: str = ""
    """What to keep out of the result."""
    num_inference_steps: int = 50
    """Denoising steps. More steps follow the source more closely and take longer; 10 to 20 do for a first
    look."""
    guidance_scale: float = 7.5
    """How strongly the target prompt pulls, 1 or more. Turn it up when the edit is too weak, down when
    colours burn."""

    def __post_init__(self) -> None:
        for name in ("source", "target"):
            if not getattr(self, name).strip():
                raise ValueError(
                    f"the {name} prompt is empty; say in a few words what the video {VERBS[name]}"
                )
        if self.num_inference_steps < 1:
            raise ValueError(f"num_inference_steps is {self.num_inference_steps}; it must be at least 1")
        if self.guidance_scale < 0:
            raise ValueError(
                f"guidance_scale is {self.guidance_scale}; it must not be negative, 7.5 is usual"
            )

    @property
    def prompts(self) -> tuple[str, ...]:
        """All that the text encoder will read."""
        return self.source, self.target, self.negative_prompt


VERBS = {"source": "shows", "target": "should show"}
