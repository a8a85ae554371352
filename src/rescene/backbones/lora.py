"""Merges LoRAs (Hu et al., ICLR 2022) into a model's weights."""

from pathlib import Path
from typing import Any

from torch import Tensor

from .checkpoints import Family, first_line
from .hub import is_hub_id
from .tensors import read_tensors, refuse_pickle

DOWN = ("lora_A.weight", "down.weight")
"""How the names of layers' first factors end, in the formats that diffusers reads."""
FACTORS = (
    ("lora_A.weight", "lora_B.weight"),
    ("lora_down.weight", "lora_up.weight"),
    ("lora.down.weight", "lora.up.weight"),
)
PEFT, PARTS = "base_model.model.", ("unet.", "text_encoder.", "text_encoder_2.")
"""What peft puts before the names of modules, and diffusers."""
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
    source: Any = name
    if "weight_name" in where:
        renamed = checked(Path(name, where["weight_name"]))
        source, where = (renamed, {}) if renamed else (source, where)
    try:
        tensors = pipeline.lora_state_dict(source, use_safetensors=True, **where)[0]
        pipeline.load_lora_weights(source, use_safetensors=True, **where)
    except OSError as error:
        raise FileNotFoundError(f"the LoRA {path} can't be read: {first_line(error)}") from error
    except Exception as error:  # Whatever names and shapes lead the libraries to.
        said = " ".join(str(error).split())[:300] or type(error).__name__
        raise ValueError(f"the LoRA {path} doesn't fit this model: {said}") from error
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


def checked(path: Path) -> dict[str, Tensor] | None:
    """Looks a file over before diffusers does; gives its tensors where their names must be other ones.

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
    return {name if name.startswith(PARTS) else f"{_part(name)}.{name}": bare[name] for name in bare}


def _part(name: str) -> str:
    """The network that a layer is of, where the name doesn't begin with it."""
    return "text_encoder" if name.startswith("text_model.") else "unet"


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
