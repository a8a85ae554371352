"""The settings of trainings: values that name no network, so that help and forms are made without one."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Literal

from ..fields import Above, AtLeast, Within, check_ranges
from ..progress import Progress, quiet

if TYPE_CHECKING:
    from ..attention.temporal import KeptKeys
    from ..backbones import Backbone
    from ..backbones.changes import Adapter, MotionLoRA
    from ..video import Video
    from .folder import TrainingFolder

Variant = Literal["tune-a-video", "fatezero"]


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """The fields that all trainings share."""

    steps: Annotated[int, AtLeast(1)] | None = None
    """How long to train; as long as published if not given."""
    learning_rate: Annotated[float, Above(0)] | None = None
    """How far weights move in a step, at most about this much each; as published if not given."""
    seed: int = 0
    """What is drawn at random depends on it alone."""
    gradient_checkpointing: bool = True
    """Compute activations twice instead of keeping them: a fraction of the memory, a third more time."""
    eight_bit: bool = False
    """Keep the optimiser's moments in 8 bits, which saves 6 bytes a trained weight; needs bitsandbytes."""
    checkpoint_every: Annotated[int, AtLeast(1)] = 100
    """Steps between checkpoints: each can be used, and training can resume from the last."""

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.eight_bit and find_spec("bitsandbytes") is None:
            raise ValueError(
                "eight_bit needs bitsandbytes, which isn't installed: pip install 'rescene[train]'"
            )

    @property
    def published(self) -> tuple[int, float]:
        """The steps and the learning rate that a paper names, for where none are given."""
        return 500, 3e-5

    @property
    def length(self) -> int:
        """Steps to take."""
        return self.steps or self.published[0]

    @property
    def rate(self) -> float:
        """The learning rate to use."""
        return self.learning_rate or self.published[1]

    @property
    def deciding(self) -> dict[str, object]:
        """All fields that decide the result but how long it takes: a resumed training must have the same."""
        free = {"steps", "checkpoint_every", "gradient_checkpointing"}
        fixed = {name: value for name, value in asdict(self).items() if name not in free}
        return {**fixed, "learning_rate": self.rate}


@dataclass(frozen=True, kw_only=True)
class OneShot(TrainingSettings):
    """Teaches an image model the motion of one clip (Tune-A-Video, ICCV 2023; FateZero, ICCV 2023)."""

    prompt: str
    """What the clip shows, in plain words: what moves, what it does and where."""
    variant: Variant = "tune-a-video"
    """What is trained: queries and attention over time (`tune-a-video`), or convolutions over time besides
    (`fatezero`), for edits of shape with `rescene edit ... fatezero --motion`."""
    class_prompt: str = ""
    """What the clip's subject is one of, such as "a photo of a car": images of it are made first, and their
    lessons alternate with those of the clip. Without, the model may forget how other cars look."""
    class_negative_prompt: str = ""
    """What to keep out of those images."""
    class_images: Annotated[int, AtLeast(1)] = 32
    """How many to make."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.prompt.strip():
            raise ValueError("the prompt is empty; say in a few words what the clip shows")
        if self.class_negative_prompt and not self.class_prompt:
            raise ValueError("class_negative_prompt belongs to images that only a class_prompt asks for")

    @property
    def published(self) -> tuple[int, float]:
        """500 steps of 3e-5; FateZero's checkpoints were taken after 150 to 250 steps of 1e-5."""
        return (200, 1e-5) if self.variant == "fatezero" else (500, 3e-5)

    def __call__(
        self,
        model: "Backbone",
        video: "Video",
        *,
        progress: Progress = quiet,
        folder: "TrainingFolder | None" = None,
        at_checkpoint: "Callable[[Adapter, int], None] | None" = None,
    ) -> "Adapter":
        """Tunes the model to the clip; afterwards it is what it was, and the adapter holds the difference.

        Args:
            model: Stable Diffusion 1.x or 2.x, which computes in its own precision.
            video: All of its frames are seen at once.
            progress: Reports the steps.
            folder: Where to keep checkpoints and class images, or to go on from; see `config`.
            at_checkpoint: Called with the adapter and the number of steps done.

        Raises:
            ValueError: If the clip has one frame, its size or the model doesn't fit, or the folder belongs to
                another training.
            FloatingPointError: If the loss becomes NaN.
        """
        from .one_shot import tune

        return tune(self, model, video, progress=progress, folder=folder, at_checkpoint=at_checkpoint)

    def config(self, model: "Backbone", video: str) -> dict[str, object]:
        """All that decides the result but how long it takes, for a `TrainingFolder`.

        Args:
            model: The model.
            video: What names the frames, such as a hash.
        """
        from .one_shot import identity

        return {**self.deciding, "video": video, **identity(model)}


@dataclass(frozen=True, kw_only=True)
class MotionTuning(TrainingSettings):
    """Teaches a video model how one clip moves (I2VEdit, SIGGRAPH Asia 2024)."""

    rank: Annotated[int, AtLeast(1, usual=32)] = 32
    """Of the changes to each layer: more learn finer motion, and more of the clip's look with it."""
    dropout: Annotated[float, Within(0, 1, usual=0.1, below=True)] = 0.1
    """Share of the layers' inputs that are dropped, so that less is learnt by heart."""

    @property
    def published(self) -> tuple[int, float]:
        """250 steps of 5e-4."""
        return 250, 5e-4

    def __call__(
        self,
        model: "Backbone",
        clip: "Video",
        *,
        first_keys: "Callable[[float], Mapping[str, KeptKeys]] | None" = None,
        progress: Progress = quiet,
        folder: "TrainingFolder | None" = None,
        at_checkpoint: "Callable[[MotionLoRA, int], None] | None" = None,
    ) -> "MotionLoRA":
        """Tunes the model to the clip; afterwards it is what it was, and the LoRA holds the difference.

        Args:
            model: Stable Video Diffusion, which computes in its own precision.
            clip: As many frames as are to be edited together.
            first_keys: Those of the video's first clip, if this is a later one that is to look at it as its
                edit will ("skip-interval cross-attention").
            progress: Reports the steps.
            folder: Where to keep checkpoints, or to go on from; see `config`.
            at_checkpoint: Called with the LoRA and the number of steps done.

        Raises:
            ValueError: If the clip has one frame, its size or the model doesn't fit, or the folder belongs to
                another training.
            FloatingPointError: If the loss becomes NaN.
        """
        from .motion_lora import tune

        return tune(
            self,
            model,
            clip,
            first_keys=first_keys,
            progress=progress,
            folder=folder,
            at_checkpoint=at_checkpoint,
        )

    def config(self, model: "Backbone", video: object) -> dict[str, object]:
        """All that decides the result but how long it takes, for a `TrainingFolder`.

        Args:
            model: The model.
            video: What names the frames, as a JSON value.
        """
        return {**self.deciding, "video": video, "model": model.identity()}
