"""Finds a pretrained model and loads it: a hub id, a diffusers folder, one file, or the embedded `mini`."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import torch

from .. import mini
from . import checkpoints, stable_diffusion, stable_diffusion_xl, stable_video, wan
from .aliases import ALIASES, resolve
from .backbone import Backbone
from .checkpoints import Family, ReadPart, outline_part, read_index, read_parts
from .hub import download, is_hub_id
from .lora import add_lora
from .single_file import load_single_file

FAMILIES: tuple[Family, ...] = (
    stable_diffusion.FAMILY,
    stable_diffusion_xl.FAMILY,
    stable_video.FAMILY,
    wan.FAMILY,
)
"""All that can be loaded."""
FILES = (".safetensors", ".ckpt", ".pt", ".bin")
"""How the names of models in one file end; those that can't be read are refused later, with the reason."""


def load(
    name: str | Path,
    *,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    revision: str | None = None,
    loras: Mapping[str, float] | None = None,
    offload: bool = False,
) -> Backbone:
    """Loads Stable Diffusion 1.x, 2.x or XL, Stable Video Diffusion, or Wan.

    Args:
        name: An alias (`mini`, `sd15`, `svd`, ...), a hub id, a local diffusers folder, or a `.safetensors`
            file in the original layout. What such a file doesn't tell (tokenizer, sizes) comes from the
            folder of its name beside it, `model/` for `model.safetensors`, that holds the files of the
            model's diffusers folder without weights; if there is none, from the hub.
        device: Where to compute: `cuda`, `mps` or `cpu`; the best that there is if None.
        dtype: Precision of the weights; if None, float32, and on CUDA float16 (bfloat16 for Wan).
        revision: Branch, tag or commit of a hub id.
        loras: LoRA files, folders or hub ids, each with its weight (1 is full strength).
        offload: Whether parts wait in main memory until they are needed: slower, for small accelerators.

    Raises:
        FileNotFoundError: If there is no such model, or a part of it is missing.
        ValueError: If it is of no known family, its weights don't fit, or it takes no LoRAs.
    """
    device = torch.device(device) if device is not None else best_device()
    found = find(name, revision)
    if loras and found.family.pipeline is None:
        raise ValueError(
            f"no LoRA can be merged into a {found.family.title}; those of how a video moves are given to the "
            "method (motion_lora)"
        )
    components = found.parts(dtype or usual_dtype(device, found.family.half), read=checkpoints.load_part)
    for path, weight in (loras or {}).items():
        add_lora(components, found.family, path, weight)
    remark = {"remark": mini.remark} if str(name) == "mini" else {}
    return found.family.make(components, device=device, offload=offload, **remark)


def outline(
    name: str | Path,
    *,
    revision: str | None = None,
    dtype: torch.dtype | None = None,
    device: str | torch.device | None = None,
) -> Backbone:
    """A model whose weights are only sizes (torch's device `meta`); tokenizer and schedule are the real ones.

    For plans, and to find mistakes before anything slow begins. Of a model in one file the weights are read,
    as only they tell its shape.

    Args:
        name: As for `load`.
        revision: As for `load`.
        dtype: Precision of the weights; as `load` would choose it for `device` if None.
        device: Where the model will compute; the best that there is if None.

    Raises:
        FileNotFoundError: If there is no such model, or a part of it is missing.
        ValueError: If it is of no known family.
    """
    found = find(name, revision)
    device = torch.device(device) if device is not None else best_device()
    components = found.parts(dtype or usual_dtype(device, found.family.half), read=outline_part)
    return found.family.make(components, device="cpu" if found.listed is None else "meta")


class Found(NamedTuple):
    """Where a model is, and of which family."""

    where: str | Path
    """A hub id, or the path of a folder or a file."""
    family: Family
    listed: Mapping[str, Any] | None
    """What `model_index.json` says; None for a model in one file."""
    revision: str | None

    def parts(self, dtype: torch.dtype, *, read: ReadPart) -> dict[str, Any]:
        """The parts of its pipeline, those of folders by `read`."""
        if self.listed is None:
            return load_single_file(Path(self.where), dtype)
        return read_parts(
            self.where, self.listed, self.family, revision=self.revision, dtype=dtype, read=read
        )


def find(name: str | Path, revision: str | None = None) -> Found:
    """Looks a model up, without reading its parts.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If it is of no known family, or a revision was given for a local one.
    """
    place = resolve(name)
    path = Path(place).expanduser()
    if revision is not None and path.exists():
        raise ValueError(
            f"a revision ({revision}) belongs to a hub id, and {path} is a local model; leave it out"
        )
    if not path.is_dir():
        if path.suffix in FILES:
            return Found(path, stable_diffusion.FAMILY, None, None)
        if not is_hub_id(place):
            near = get_close_matches(str(place), ALIASES, 1)
            guess = f"; did you mean {near[0]!r}?" if near else ""
            raise FileNotFoundError(
                f"there is no model {str(place)!r}{guess}: neither a folder or file here, nor a hub id "
                f"(OWNER/NAME), nor one of {', '.join(ALIASES)}"
            )
    where = path if path.is_dir() else str(place)
    index = read_index(where, revision)
    return Found(where, family_of(where, index), index, revision)


def family_of(name: str | Path, index: Mapping[str, Any]) -> Family:
    """The family that a `model_index.json` is of: by its pipeline's class, or by the classes of its parts.

    Raises:
        ValueError: If there is none.
    """
    kind = index.get("_class_name")
    named = [family for family in FAMILIES if kind in family.pipelines]
    fitting = named or [family for family in FAMILIES if family.fits(index)]
    if not fitting:
        titles = ", ".join(family.title for family in FAMILIES)
        raise ValueError(f"{name} is a {kind}; supported are models of {titles}")
    return max(fitting, key=lambda family: len(family.parts))


def best_device() -> torch.device:
    """The fastest kind of device that this machine has."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def usual_dtype(device: torch.device, half: torch.dtype = torch.float16) -> torch.dtype:
    """The precision that `load` chooses, for a family whose half precision is `half`."""
    return half if device.type == "cuda" else torch.float32


def resolved_revision(name: str | Path, revision: str | None) -> str | None:
    """The commit that a hub id stands for now; None for what isn't in the hub."""
    where = resolve(name)
    if isinstance(where, Path) or Path(where).expanduser().exists():
        return None
    # The hub's cache keeps each commit's files in a folder of its name.
    return Path(download(where, "model_index.json", revision)).parent.name
