"""The options that commands share, in groups."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import UseAppendAction

from ..runs import DType, ModelRef


@dataclass(frozen=True, kw_only=True)
class Computing:
    """How to compute."""

    device: str | None = None
    """Where to compute: cpu, cuda or mps; the fastest that there is if not given."""
    dtype: DType | None = None
    """Precision of the network: float16 on cuda and float32 elsewhere if not given."""
    revision: str | None = None
    """Branch, tag or commit of a hub id."""
    offload: bool = False
    """Keep only the part at work on the device: slower, for small accelerators."""


@dataclass(frozen=True, kw_only=True)
class ModelOptions(Computing):
    """The model."""

    model: str = "mini"
    """An alias (see `rescene models`), a hub id, a folder in diffusers' layout, or a .safetensors file."""
    lora: UseAppendAction[tuple[str, ...]] = ()
    """A LoRA and its weight, as in style.safetensors:0.8; may be given several times."""

    @property
    def ref(self) -> ModelRef:
        """The model as recipes name it.

        Raises:
            ValueError: If a LoRA's weight is no number.
            FileNotFoundError: If a LoRA's file isn't there.
        """
        return ModelRef(
            name=self.model,
            revision=self.revision,
            dtype=self.dtype,
            device=self.device,
            loras=dict(map(_lora, self.lora)),
            offload=self.offload,
        )


@dataclass(frozen=True, kw_only=True)
class VideoModelOptions(Computing):
    """The model."""

    model: str = "svd"
    """Stable Video Diffusion: svd (14 frames at once), svd-xt (25), a hub id, or a diffusers folder."""

    @property
    def ref(self) -> ModelRef:
        """The model as recipes name it."""
        return ModelRef(
            name=self.model,
            revision=self.revision,
            dtype=self.dtype,
            device=self.device,
            offload=self.offload,
        )


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """How a training runs, whatever is trained."""

    size: str | None = None
    """Size to work at: WIDTHxHEIGHT, or `source` for the video's own; by default the model's."""
    resume: bool = False
    """Go on from the last checkpoint: all other options but --steps must be the same."""
    overwrite: bool = False
    """Replace results and checkpoints that exist."""
    json_progress: bool = False
    """Report progress as one JSON object a line on stderr."""


def _lora(text: str) -> tuple[str, float]:
    path, colon, weight = text.rpartition(":")
    path, weight = (path, weight) if colon else (text, "1")
    try:
        strength = float(weight)
    except ValueError as error:
        raise ValueError(f"--lora {text!r}: the weight {weight!r} is no number; write PATH:0.8") from error
    if path.endswith(".safetensors") and not Path(path).expanduser().is_file():
        raise FileNotFoundError(f"{path}: no such file; check the path after --lora")
    return path, strength
