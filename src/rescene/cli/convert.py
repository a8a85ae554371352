"""`rescene convert`: an adapter from a folder that Tune-A-Video or FateZero saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from .forms import parse


@dataclass(frozen=True, kw_only=True)
class Convert:
    """Make an adapter of a folder that Tune-A-Video or FateZero saved, whose UNet has layers over time."""

    folder: Positional[Path]
    """In diffusers' layout, with a folder `unet`."""
    output: Positional[Path]
    """The adapter: a .safetensors file. Use it with the model that the folder was tuned from."""
    prompt: str = ""
    """What it was tuned on; the folder doesn't tell."""
    overwrite: bool = False
    """Replace a result that exists."""


def main(arguments: Sequence[str]) -> None:
    """Runs the command."""
    job = parse(Convert, arguments, command="convert")
    from ..convert import convert
    from ..video.files import check_target

    if job.output.suffix != ".safetensors":
        raise ValueError(f"{job.output} must end with .safetensors: that is what an adapter is")
    check_target(job.output, folder=False, overwrite=job.overwrite)
    about = convert(job.folder, job.output, prompt=job.prompt)
    keys = " and ".join(map(str, about.frame_keys))
    print(f"{job.output}  ({job.output.stat().st_size / 1e6:.1f} MB; frames attend to: {keys})")
