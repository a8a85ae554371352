"""Runs on this machine: finds the device, and loads each model once."""

from dataclasses import dataclass, field
from typing import Any

import torch

from ..backbones import Backbone, best_device, load, outline
from .host import Host
from .recipe import ModelRef


@dataclass(eq=False, kw_only=True)
class LocalHost(Host):
    """A host that loads models here, and keeps them."""

    models: dict[Any, Backbone] = field(default_factory=dict[Any, Backbone], repr=False)
    """Those that were loaded."""
    outlines: dict[Any, Backbone] = field(default_factory=dict[Any, Backbone], repr=False)

    def outline(self, ref: ModelRef) -> Backbone:
        key = _key(ref)
        if key not in self.outlines:
            self.outlines[key] = outline(
                ref.name, revision=ref.revision, dtype=dtype_of(ref), device=device_of(ref)
            )
        return self.outlines[key]

    def load(self, ref: ModelRef) -> Backbone:
        key = _key(ref)
        if key not in self.models:
            self.models[key] = load(
                ref.name,
                device=device_of(ref),
                dtype=dtype_of(ref),
                revision=ref.revision,
                loras=ref.loras,
                offload=ref.offload,
            )
        return self.models[key]


def device_of(ref: ModelRef) -> torch.device:
    """The device to compute on.

    Raises:
        ValueError: If this machine has none of that name.
    """
    if ref.device is None:
        return best_device()
    kinds = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    kind, _, number = ref.device.partition(":")
    if kinds.get(kind) and (not number or (number.isdecimal() and _exists(kind, int(number)))):
        return torch.device(ref.device)
    there = ", ".join(name for name, is_there in kinds.items() if is_there)
    raise ValueError(f"there is no device {ref.device!r} here; this machine has {there}")


def dtype_of(ref: ModelRef) -> torch.dtype | None:
    """The precision of the network; None for the usual one of its family."""
    return None if ref.dtype is None else getattr(torch, ref.dtype)


def _exists(kind: str, number: int) -> bool:
    return number < torch.cuda.device_count() if kind == "cuda" else number == 0


def _key(ref: ModelRef) -> Any:
    return ref.name, ref.revision, ref.dtype, ref.device, ref.offload, *ref.loras.items()
