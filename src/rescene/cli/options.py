"""The options that commands share, in groups."""

from dataclasses import dataclass
from pathlib import Path

import torch
from transformers.utils.logging import disable_progress_bar
from tyro.conf import UseAppendAction

from ..backbones import (
    StableDiffusion,
    StableVideo,
    best_device,
    load,
    outline,
    resolved_revision,
    usual_dtype,
)
from ..inputs import Fit
from ..settings import DType, ModelSettings, Trim
from ..video import Video
from ..video.read import Cut, read_video


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """The model."""

    model: str = "mini"
    """An alias (see `rescene models`), a hub id, a folder in diffusers' layout, or a .safetensors file."""
    device: str | None = None
    """Where to compute: cpu, cuda or mps; the fastest that there is if not given."""
    dtype: DType | None = None
    """Precision of the network: float16 on cuda and float32 elsewhere if not given."""
    lora: UseAppendAction[tuple[str, ...]] = ()
    """A LoRA and its weight, as in style.safetensors:0.8; may be given several times."""
    revision: str | None = None
    """Branch, tag or commit of a hub id."""
    offload: bool = False
    """Keep only the part at work on the device: slower, for small accelerators."""

    @property
    def torch_device(self) -> torch.device:
        """The device to compute on.

        Raises:
            ValueError: If this machine has none of that name.
        """
        if self.device is None:
            return best_device()
        kinds = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        kind, _, number = self.device.partition(":")
        if kinds.get(kind) and (not number or (number.isdecimal() and _exists(kind, int(number)))):
            return torch.device(self.device)
        there = ", ".join(name for name, is_there in kinds.items() if is_there)
        raise ValueError(f"there is no device {self.device!r} here; this machine has {there}")

    @property
    def torch_dtype(self) -> torch.dtype:
        """The precision of the network."""
        return usual_dtype(self.torch_device) if self.dtype is None else getattr(torch, self.dtype)

    @property
    def loras(self) -> dict[str, float]:
        """LoRAs and their weights.

        Raises:
            ValueError: If a weight is no number.
            FileNotFoundError: If a file isn't there.
        """
        return dict(map(_lora, self.lora))

    def outline(self) -> StableDiffusion:
        """The model without its weights, after looking for mistakes."""
        _ = self.loras
        return outline(self.model, revision=self.revision, dtype=self.torch_dtype)

    def settings(self, model: StableDiffusion | StableVideo) -> ModelSettings:
        """What to note about the model that was loaded."""
        return ModelSettings(
            name=self.model,
            revision=resolved_revision(self.model, self.revision),
            fingerprint=model.fingerprint(),
            dtype=str(model.unet.dtype).removeprefix("torch."),  # pyright: ignore[reportArgumentType]
            device=model.device.type,
            loras=self.loras,
            offload=self.offload,
        )

    def load(self) -> StableDiffusion:
        """The model."""
        hide_library_bars()
        return load(
            self.model,
            device=self.torch_device,
            dtype=self.torch_dtype,
            revision=self.revision,
            loras=self.loras,
            offload=self.offload,
        )


def hide_library_bars() -> None:
    """Keeps the bars of reading and writing weights off the terminal; downloads still show theirs."""
    disable_progress_bar()


def read_source(path: Path, trim: Trim) -> Video:
    """The frames of a source that are to be edited."""
    return read_video(path, Cut(start=trim.start, end=trim.end, frames=trim.frames, every=trim.every))


def fit_for(video: Video, model: StableDiffusion | StableVideo, size: str | None) -> Fit:
    """The size to work at: the model's own if `size` is None, `source`, or WIDTHxHEIGHT.

    Raises:
        ValueError: If it is none of these, or not a multiple of the model's stride.
    """
    if size is None:
        return Fit.to(video, area=model.native_area, grid=model.grid)
    source = video.height, video.width
    if size == "source":
        height, width = (-(-side // model.stride) * model.stride for side in source)
        return Fit(source=source, content=source, size=(height, width))
    width, _, height = size.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise ValueError(f"--size {size!r} is neither WIDTHxHEIGHT, such as 512x320, nor source")
    return Fit.to(video, area=model.native_area, grid=model.grid, size=(int(height), int(width)))


def _exists(kind: str, number: int) -> bool:
    return number < torch.cuda.device_count() if kind == "cuda" else number == 0


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
