"""Files of LoRAs as peft and diffusers write them: `unet.MODULE.lora_A.weight`."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError, safe_open
from torch import Tensor

from ...fields import shown
from ..tensors import read_about, refuse_pickle, refuse_unusable

HEADER = "lora_adapter_metadata"
BASE = "base_model"
"""Where the header names the model that a LoRA was trained for, as `StableVideo.base` does."""
PREFIXES = ("unet.", "base_model.model.")
"""What diffusers and peft put before the names of modules."""


class LoRAFile(NamedTuple):
    """What a file holds."""

    path: Path
    shapes: Mapping[str, tuple[int, ...]]
    """Of its weights, by the names of modules."""
    alpha: float | None
    base: str | None
    """The model that it was trained for, if it says so."""
    tensors: Mapping[str, Tensor]
    """The weights, if they were read."""


def read_lora(path: Path, *, weights: bool = True) -> LoRAFile:
    """Reads a file, or no more of it than its header.

    Raises:
        FileNotFoundError, ValueError: As `MotionLoRA.load`.
    """
    refuse_pickle(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no motion LoRA {path}; `rescene train motion-lora` makes one")
    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
            shapes = {_bare(name): tuple(file.get_slice(name).get_shape()) for name in names}
            tensors = {_bare(name): file.get_tensor(name) for name in names} if weights else {}
            about = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{path} isn't a safetensors file, or was cut short: {error}") from error
    kinds = {name.rpartition(".lora_")[2] for name in shapes}
    if kinds != {"A.weight", "B.weight"}:
        raise ValueError(f"{path} isn't a LoRA in the format of peft or diffusers")
    if any(
        f"{name.rpartition('.lora_')[0]}.lora_{part}.weight" not in shapes for name in shapes for part in "AB"
    ):
        raise ValueError(f"{path} lacks a factor of a layer; make or download it again")
    if any(not all(shape) for shape in shapes.values()):
        raise ValueError(f"{path} is damaged: a layer of it is empty")
    if weights:
        refuse_unusable(path, tensors)
    header = read_about(about.get(HEADER), path)
    alpha = header.get("unet.lora_alpha") if isinstance(header, dict) else None
    if alpha is not None and not (isinstance(alpha, int | float) and 0 < alpha < 1e6):
        raise ValueError(f"{path} is damaged: its lora_alpha is {shown(alpha)}")
    return LoRAFile(path, shapes, alpha, about.get(BASE), tensors)


def _bare(name: str) -> str:
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name
