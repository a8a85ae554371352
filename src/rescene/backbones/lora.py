"""Merges LoRAs (Hu et al., ICLR 2022) into a model's weights."""

from pathlib import Path
from typing import Any

from .checkpoints import Family, refuse_pickle
from .hub import is_hub_id

DOWN = ("lora_A.weight", "down.weight")
"""How the names of layers' first factors end, in the formats that diffusers reads."""


def add_lora(components: dict[str, Any], family: Family, path: str | Path, weight: float) -> None:
    """Adds `weight` times a LoRA to the weights of the UNet and the text encoders.

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
        tensors = pipeline.lora_state_dict(name, use_safetensors=True, **where)[0]
        pipeline.load_lora_weights(name, use_safetensors=True, **where)
    except OSError as error:
        raise FileNotFoundError(f"the LoRA {path} can't be read: {error}") from error
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"the LoRA {path} doesn't fit this model: {error}") from error
    layers = sum(name.endswith(DOWN) for name in tensors)
    parts = [components[name] for name in ("unet", "text_encoder", "text_encoder_2") if name in components]
    found = sum(".lora_A." in name for part in parts for name, _ in part.named_parameters())
    if found < max(layers, 1):
        raise ValueError(
            f"this model has {found} of the {layers} layers that the LoRA {path} changes: it was made for "
            "another kind of model"
        )
    pipeline.fuse_lora(lora_scale=weight)
    pipeline.unload_lora_weights()


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
