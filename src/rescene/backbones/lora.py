"""Merges LoRAs (Hu et al., ICLR 2022) into a model's weights."""

import re
from pathlib import Path
from typing import Any

from torch import Tensor

from .checkpoints import Family, first_line
from .hub import is_hub_id
from .tensors import read_tensors, refuse_pickle

PARTS = ("unet", "transformer", "transformer_2", "text_encoder", "text_encoder_2")
"""The parts of models that LoRAs change."""
NOISY, CLEAN = re.compile(r"high.?noise", re.I), re.compile(r"low.?noise", re.I)
"""How the names of files tell which of two networks they are for."""
DOWN = ("lora_A.weight", "down.weight")
"""How the names of layers' first factors end, in the formats that diffusers reads."""
FACTORS = (
    ("lora_A.weight", "lora_B.weight"),
    ("lora_down.weight", "lora_up.weight"),
    ("lora.down.weight", "lora.up.weight"),
)
PEFT, PREFIXES = "base_model.model.", (*(f"{part}." for part in PARTS), "diffusion_model.")
"""What peft puts before the names of modules, and diffusers and others."""
OTHERS = {
    "a LoHa (LyCORIS)": ("hada_w1", "hada_w2"),
    "a LoKr (LyCORIS)": ("lokr_w1", "lokr_w2"),
    "an IA3": ("ia3_l", ".on_input"),
    "an OFT": (".oft_r", "oft_blocks", ".oft_diag"),
}
"""What else is published as small .safetensors, by what its tensors are called."""
EMBEDDINGS = {"emb_params", "clip_g", "clip_l"}
"""What the tensors of textual inversions are called, where not as the word that they stand for."""


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
    source: Any = name
    if "weight_name" in where:
        network = "transformer" if "transformer" in components else "unet"
        renamed = checked(Path(name, where["weight_name"]), network)
        source, where = (renamed, {}) if renamed else (source, where)
    try:
        read = pipeline.lora_state_dict(source, use_safetensors=True, **where)
        tensors = read[0] if isinstance(read, tuple) else read  # With the factors of some formats beside.
        for options in _networks(components, str(path)):
            pipeline.load_lora_weights(source, use_safetensors=True, **where, **options)
    except OSError as error:
        raise FileNotFoundError(f"the LoRA {path} can't be read: {first_line(error)}") from error
    except Exception as error:  # Whatever names and shapes lead the libraries to.
        said = " ".join(str(error).split())[:300] or type(error).__name__
        raise ValueError(f"the LoRA {path} doesn't fit this model: {said}") from error
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


def checked(path: Path, network: str) -> dict[str, Tensor] | None:
    """Looks a file over before diffusers does; gives its tensors where their names must be other ones.

    Args:
        path: The file.
        network: The part that names without one are of.

    Raises:
        ValueError: If it is damaged, or something else than a LoRA.
    """
    tensors = read_tensors(path)
    if EMBEDDINGS & tensors.keys() or (len(tensors) == 1 and not any("lora" in name for name in tensors)):
        raise ValueError(f"{path} is an embedding (textual inversion), not a LoRA, and isn't supported")
    for kind, marks in OTHERS.items():
        if any(mark in name for name in tensors for mark in marks):
            raise ValueError(
                f"{path} is {kind}, which isn't supported: a LoRA has two factors for each layer"
            )
    for down, up in FACTORS:
        for name in tensors:
            if name.endswith(down) and name.removesuffix(down) + up not in tensors:
                raise ValueError(f"{path} lacks a factor: there is {name}, and no {up}; download it again")
    if not any(name.startswith(PEFT) for name in tensors):
        return None
    bare = {name.removeprefix(PEFT): tensor for name, tensor in tensors.items()}
    parts = {name: "text_encoder" if name.startswith("text_model.") else network for name in bare}
    return {name if name.startswith(PREFIXES) else f"{parts[name]}.{name}": bare[name] for name in bare}


def locate(path: str | Path) -> tuple[str, dict[str, str]]:
    """The folder or hub id of a LoRA, and the name of its file if it was given."""
    source = Path(path).expanduser()
    if source.is_dir():
        files = list(source.glob("*.safetensors"))
        return str(source), {"weight_name": files[0].name} if len(files) == 1 else {}
    if not source.is_file():
        if source.suffix or not is_hub_id(path):
            raise FileNotFoundError(
                f"there is no LoRA {path}: neither a file or folder, nor a hub id (OWNER/NAME)"
            )
        return str(path), {}
    refuse_pickle(source)
    return str(source.parent), {"weight_name": source.name}
