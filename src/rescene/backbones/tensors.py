"""Files of weights: safetensors and nothing else, read within bounds and written whole."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..video.files import replacing


def refuse_pickle(path: Path) -> None:
    """Raises ValueError if a file of weights isn't safetensors."""
    if path.suffix != ".safetensors":
        raise ValueError(f"{path} isn't .safetensors, and pickles can run code when read; convert it first")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file.

    Raises:
        ValueError: If it is damaged, or holds none.
    """
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} isn't a safetensors file, or was cut short: {error}") from error
    refuse_unusable(path, tensors)
    return tensors


def refuse_unusable(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Raises ValueError if there are no weights, or some are NaN or infinite."""
    if not tensors:
        raise ValueError(f"{path} holds no weights; make or download it again")
    for name, tensor in tensors.items():
        if not tensor.numel():
            raise ValueError(f"{path} is damaged: its {name} is empty; make or download it again")
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ValueError(
                f"{path} holds NaN or infinity in {name}, which would spoil all; take an earlier one"
            )


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> None:
    """Writes a file, whole or not at all.

    Raises:
        OSError: If that fails; the library has an error of its own for a full disk.
    """
    room = sum(tensor.nbytes for tensor in tensors.values())
    with replacing(path, folder=False, room=room) as temporary:
        try:
            save_file(dict(tensors), temporary, dict(about))
        except SafetensorError as error:
            raise OSError(f"{path} can't be written ({error}); make room, or choose another disk") from error


def read_about(text: str | None, path: Path) -> Any:
    """A value of JSON in a file's header.

    Raises:
        ValueError: If it is none.
    """
    try:
        return json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: its header is no JSON") from error
