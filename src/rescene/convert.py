"""Reads what Tune-A-Video and FateZero saved: folders with a UNet that has layers over time.

Those UNets hold all weights of the image model besides; an adapter keeps what tuning changed.
"""

import json
import re
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors.torch import load_file
from torch import Tensor

from .backbones.changes.one_shot_file import AdapterHeader, write

WEIGHTS = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin")
RENAMED = (
    (r"\.attn_temp(?:oral)?\.to_out\.0\.", ".temporal_attention.to_out."),
    (r"\.attn_temp(?:oral)?\.", ".temporal_attention."),
    (r"\.norm_temp(?:oral)?\.", ".temporal_attention.norm."),
    (r"\.conv_temporal\.(down|up)\.", r".temporal_convolution.\1."),
    (r"\.conv_temporal\.", ".temporal_convolution.full."),
)
"""Patterns of the published names, and ours."""
PUBLISHED_FRAME_KEYS = ("previous", "first")


def convert(folder: Path, output: Path, *, prompt: str) -> AdapterHeader:
    """Makes an adapter of a folder that Tune-A-Video or FateZero saved.

    Args:
        folder: In diffusers' layout, with a folder `unet`; or that folder.
        output: The adapter's file.
        prompt: What the clip shows that it was tuned on; the folder doesn't tell.

    Raises:
        FileNotFoundError: If there is no UNet.
        ValueError: If it has no layers over time, or attends to frames in a way that no release did.
    """
    unet = folder / "unet" if (folder / "unet").is_dir() else folder
    tensors = read_weights(unet)
    kept = {adapter_name(name): tensor.contiguous() for name, tensor in tensors.items() if is_tuned(name)}
    if not any(".temporal_" in name for name in kept):
        raise ValueError(f"{unet} has no layers over time: it is an image model, to be used as --model")
    about = AdapterHeader(
        prompt=prompt, frame_keys=frame_keys(unet), frames=8, fps=8.0, height=512, width=512
    )
    write(output, kept, about)
    return about


def read_weights(unet: Path) -> dict[str, Tensor]:
    """The weights of a UNet's folder. Pickles are read without running what they may hold."""
    found = [unet / name for name in WEIGHTS if (unet / name).is_file()]
    if not found:
        raise FileNotFoundError(f"{unet} has no UNet: neither {' nor '.join(WEIGHTS)}")
    if found[0].suffix == ".safetensors":
        return load_file(found[0])
    try:
        return torch.load(found[0], map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise ValueError(
            f"{found[0]} holds more than weights, which could run code; it isn't read"
        ) from error


def is_tuned(name: str) -> bool:
    """Whether a weight of the published UNets was trained, or belongs to layers that images don't have."""
    return "_temp" in name or name.endswith(("attn1.to_q.weight", "attn2.to_q.weight"))


def adapter_name(name: str) -> str:
    """A published weight's name in an adapter."""
    for pattern, ours in RENAMED:
        name = re.sub(pattern, ours, name)
    return name


def frame_keys(unet: Path) -> tuple[str | int, ...]:
    """Which frames the UNet's frames attend to: FateZero notes it; else the previous and the first one."""
    path = unet / "config.json"
    config = json.loads(path.read_text()) if path.is_file() else {}
    if config.get("least_sc_channel"):
        raise ValueError(
            f"{path} has least_sc_channel {config['least_sc_channel']}; no adapter can keep that"
        )
    noted = config.get("SparseCausalAttention_index", PUBLISHED_FRAME_KEYS)
    return tuple("middle" if frame == "mid" else frame for frame in noted)
