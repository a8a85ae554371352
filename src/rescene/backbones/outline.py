"""A model's shape without its weights: for plans, and to find mistakes before anything slow begins."""

from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from torch import nn

from .checkpoints import download, load_part
from .load import backbone, load_components, resolve
from .stable_diffusion import StableDiffusion


def outline(name: str | Path, *, revision: str | None = None, dtype: torch.dtype) -> StableDiffusion:
    """A model whose weights are only sizes (torch's device `meta`); tokenizer and schedule are the real ones.

    Of a model in one file the weights are read, as only they tell its shape.

    Raises:
        FileNotFoundError: If there is no such model, or a part of it is missing.
        ValueError: If it isn't a Stable Diffusion model.
    """
    components = load_components(resolve(name), revision, dtype, read=outline_part)
    on_meta = components["unet"].device.type == "meta"
    return backbone(components, device="meta" if on_meta else "cpu")


def outline_part(name: str | Path, part: str, kind: str, *, revision: str | None, dtype: torch.dtype) -> Any:
    """What `load_part` gives, without weights."""
    if part in ("tokenizer", "tokenizer_2", "scheduler"):
        return load_part(name, part, kind, revision=revision, dtype=dtype)
    where: dict[str, Any] = {"subfolder": part, "revision": revision}
    with torch.device("meta"):
        if kind.startswith("CLIP"):
            network = getattr(transformers, kind)
            made = network(network.config_class.from_pretrained(name, **where))
        else:
            network = getattr(diffusers, kind)
            made = network.from_config(network.load_config(name, **where))
    return nn.Module.to(made, dtype)  # diffusers' own `to` warns about precision, which is nothing to shapes.


def resolved_revision(name: str | Path, revision: str | None) -> str | None:
    """The commit that a hub id stands for now; None for what isn't in the hub."""
    where = resolve(name)
    if isinstance(where, Path) or Path(where).expanduser().exists():
        return None
    # The hub's cache keeps each commit's files in a folder of its name.
    return Path(download(where, "model_index.json", revision)).parent.name
