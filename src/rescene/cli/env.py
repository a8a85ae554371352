"""`rescene env`: versions and devices, to put into a bug report."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass

from ..runs import versions
from .forms import parse


@dataclass(frozen=True, kw_only=True)
class EnvCommand:
    """Print versions and devices, for bug reports."""


def main(arguments: Sequence[str]) -> None:
    """Runs the command."""
    parse(EnvCommand, arguments, command="env")
    import torch

    from .. import cache
    from ..backbones import best_device, usual_dtype

    device = best_device()
    rows = {
        **versions(),
        "system": platform.platform(),
        "cpu": f"{os.cpu_count()} cores, {torch.get_num_threads()} threads",
        "device": _described(device.type),
        "dtype": str(usual_dtype(device)).removeprefix("torch."),
        "cache": str(cache.folder()),
    }
    for name, value in rows.items():
        print(f"{name:<14}{value}")


def _described(device: str) -> str:
    if device != "cuda":
        return device
    import torch

    card = torch.cuda.get_device_properties(device)
    return f"cuda ({card.name}, {card.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda})"
