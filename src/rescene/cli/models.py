"""`rescene models`: the short names of models, and what else --model takes."""

from collections.abc import Sequence
from dataclasses import dataclass

from .forms import parse
from .plan import megabytes


@dataclass(frozen=True, kw_only=True)
class ModelsCommand:
    """List the models that have short names."""


def main(arguments: Sequence[str]) -> None:
    """Runs the command."""
    parse(ModelsCommand, arguments, command="models")
    from ..backbones import ALIASES
    from ..backbones.changes.controlnet import CONTROLNETS

    for name, alias in ALIASES.items():
        height, width = alias.size
        frames = f", {alias.frames} frames at once" if alias.frames else ""
        print(f"{name:<18}{'in this package' if name == 'mini' else alias.place}")
        print(f"{'':<18}{width}x{height}{frames}; {megabytes(alias.bytes)}; {alias.licence}")
        print(f"{'':<18}{alias.about}")
    print(
        "\n--model also takes the hub id of any Stable Diffusion 1.x, 2.x or XL, Stable Video Diffusion\n"
        "or Wan (OWNER/NAME), a folder in diffusers' layout, or a .safetensors file. Models from the hub\n"
        f"are downloaded once.\n\nControlNets with short names: {', '.join(CONTROLNETS)}."
    )
