"""`rescene models`: the short names of models, and what else --model takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import tyro

from ..backbones import ALIASES
from ..backbones.controlled import CONTROLNETS


@dataclass(frozen=True, kw_only=True)
class ModelsCommand:
    """List the models that have short names."""


def main(arguments: Sequence[str]) -> None:
    """Runs the command."""
    tyro.cli(ModelsCommand, prog="rescene models", args=arguments)
    for alias, meaning in ALIASES.items():
        if "/" not in alias:
            print(f"{alias:<12}{meaning}")
    print(
        "\n--model also takes the hub id of any Stable Diffusion 1.x or 2.x (OWNER/NAME), a folder in\n"
        "diffusers' layout, or a .safetensors file. Models from the hub are downloaded once.\n\n"
        f"ControlNets with short names: {', '.join(CONTROLNETS)}."
    )
