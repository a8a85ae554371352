"""Finds a Stable Video Diffusion and loads it: a short name, a hub id, or a diffusers folder."""

from pathlib import Path
from typing import Any

import torch
from diffusers import EulerDiscreteScheduler

from .checkpoints import Family, ReadPart, load_folder, load_part
from .load import best_device, usual_dtype
from .outline import outline_part
from .stable_video import StableVideo

VIDEO_ALIASES = {
    "svd": "stabilityai/stable-video-diffusion-img2vid",
    "svd-xt": "stabilityai/stable-video-diffusion-img2vid-xt",
}
"""Short names: 14 and 25 frames at once."""
VIDEO_PARTS: Family = {
    "vae": ("AutoencoderKLTemporalDecoder",),
    "unet": ("UNetSpatioTemporalConditionModel",),
    "image_encoder": ("CLIPVisionModelWithProjection",),
    "scheduler": (),
}


def load_video_model(
    name: str | Path,
    *,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    revision: str | None = None,
    offload: bool = False,
) -> StableVideo:
    """Loads Stable Video Diffusion, img2vid or img2vid-xt.

    Args:
        name: `svd`, `svd-xt`, a hub id or a local diffusers folder.
        device: Where to compute: `cuda`, `mps` or `cpu`; the best that there is if None.
        dtype: Precision of the weights; float16 on CUDA and float32 elsewhere if None.
        revision: Branch, tag or commit of a hub id.
        offload: Whether parts wait in main memory until they are needed: slower, for small accelerators.

    Raises:
        FileNotFoundError: If there is no such model, or a part of it is missing.
        ValueError: If it isn't a Stable Video Diffusion, or its weights don't fit.
    """
    device = torch.device(device) if device is not None else best_device()
    components = _components(name, revision, dtype or usual_dtype(device), load_part)
    return StableVideo(components, device=device, offload=offload)


def outline_video_model(name: str | Path, *, revision: str | None = None, dtype: torch.dtype) -> StableVideo:
    """A model whose weights are only sizes (torch's device `meta`), to find mistakes before anything slow.

    Raises:
        FileNotFoundError, ValueError: As `load_video_model`.
    """
    return StableVideo(_components(name, revision, dtype, outline_part), device="meta")


def _components(name: str | Path, revision: str | None, dtype: torch.dtype, read: ReadPart) -> dict[str, Any]:
    def read_part(where: str | Path, part: str, kind: str, **how: Any) -> Any:
        if part == "scheduler":
            return EulerDiscreteScheduler.from_pretrained(where, subfolder=part, revision=how["revision"])
        return read(where, part, kind, **how)

    found = Path(VIDEO_ALIASES.get(str(name), name)).expanduser()
    where = found if found.is_dir() else VIDEO_ALIASES.get(str(name), str(name))
    if isinstance(where, str) and (where.count("/") != 1 or where.startswith((".", "/", "~"))):
        raise FileNotFoundError(
            f"there is no model {where!r}: neither a folder here, nor a hub id (OWNER/NAME), nor one of "
            f"{', '.join(VIDEO_ALIASES)}"
        )
    if revision is not None and isinstance(where, Path):
        raise ValueError(
            f"a revision ({revision}) belongs to a hub id, and {where} is a local model; leave it out"
        )
    return load_folder(where, revision=revision, dtype=dtype, read=read_part, parts=VIDEO_PARTS)
