"""Merges LoRAs (Hu et al., ICLR 2022) into a model's weights."""

import re
from pathlib import Path
from typing import Any

from .checkpoints import Family, refuse_pickle
from .hub import is_hub_id

PARTS = ("unet", "transformer", "transformer_2", "text_encoder", "text_encoder_2")
"""The parts of models that LoRAs change."""
NOISY, CLEAN = re.compile(r"high.?noise", re.I), re.compile(r"low.?noise", re.I)
"""How the names of files tell which of two networks they are for."""
DOWN = ("lora_A.weight", "down.weight")
"""How the names of layers' first factors end, in the formats that diffusers reads."""


def add_lora(components: dict[str, Any], family: Family, path: str | Path, weight: float) -> None:
    """Adds `weight` times a LoRA to the weights of the networks that predict and of the text encoders.

    Of two networks it is for both, unless its name says "high noise" or "low noise".

    Args:
        components: The parts of a pipeline; their weights change.
        family: What they are the parts of.
        path: A `.safetensors` file, a folder with one, or a hub id.
        weight: 1 is full strength, 0 changes nothing.

    Raises:
        FileNotFoundError: If there is no such LoRA.
        ValueError: If it was made for another kind of model, or is a pickle.
    """
    assert family.pipeline is not None
    pipeline = family.pipeline(components)
    name, where = locate(path)
    try:
        read = pipeline.lora_state_dict(name, use_safetensors=True, **where)
        tensors = read[0] if isinstance(read, tuple) else read  # With the factors of some formats beside.
        for options in _networks(components, str(path)):
            pipeline.load_lora_weights(name, use_safetensors=True, **where, **options)
    except OSError as error:
        raise FileNotFoundError(f"the LoRA {path} can't be read: {error}") from error
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"the LoRA {path} doesn't fit this model: {error}") from error
    layers = sum(name.endswith(DOWN) for name in tensors)
    parts = {name: components[name] for name in PARTS if name in components}
    added = [name for name, part in parts.items() for at, _ in part.named_parameters() if ".lora_A." in at]
    found = len(added)
    if found < max(layers, 1):
        raise ValueError(
            f"this model has {found} of the {layers} layers that the LoRA {path} changes: it was made for "
            "another kind of model"
        )
    pipeline.fuse_lora(components=sorted(set(added)), lora_scale=weight)
    pipeline.unload_lora_weights()


def _networks(components: dict[str, Any], path: str) -> list[dict[str, bool]]:
    """What the pipeline is to be told for each network that a LoRA is for."""
    if "transformer_2" not in components:
        return [{}]
    both = bool(NOISY.search(path)) == bool(CLEAN.search(path))
    return [
        {"load_into_transformer_2": second}
        for second, sign in ((False, NOISY), (True, CLEAN))
        if both or sign.search(path)
    ]


def locate(path: str | Path) -> tuple[str, dict[str, str]]:
    """The folder or hub id of a LoRA, and the name of its file if it was given."""
    source = Path(path).expanduser()
    if source.is_dir():
        return str(source), {}
    if not source.is_file():
        if source.suffix or not is_hub_id(path):
            raise FileNotFoundError(
                f"there is no LoRA {path}: neither a file or folder, nor a hub id (OWNER/NAME)"
            )
        return str(path), {}
    refuse_pickle(source)
    return str(source.parent), {"weight_name": source.name}
