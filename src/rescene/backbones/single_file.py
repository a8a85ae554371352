"""Checkpoints in the original layout: all networks of a Stable Diffusion in one file."""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from .checkpoints import first_line, read_index, refuse_incomplete
from .stable_diffusion import FAMILY
from .tensors import refuse_pickle


def load_single_file(path: Path, dtype: torch.dtype) -> dict[str, Any]:
    """Loads a checkpoint in the original one-file layout.

    Its configuration comes from the folder beside it that has its name without the suffix, or from the hub.

    Raises:
        FileNotFoundError: If there is no such file, or no configuration for it.
        ValueError: If it isn't a whole Stable Diffusion, or doesn't belong to the configuration.
    """
    # Pipelines pull in much that nothing else needs.
    from diffusers import StableDiffusionPipeline
    from diffusers.loaders.single_file_utils import SingleFileComponentError

    refuse_pickle(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    refuse_other_layouts(path)
    config = path.with_suffix("")
    where: dict[str, Any] = {"safety_checker": None}
    if config.is_dir():
        refuse_incomplete(config, read_index(config, None), FAMILY)
        where["config"] = str(config)
    try:
        pipeline = StableDiffusionPipeline.from_single_file(str(path), torch_dtype=dtype, **where)
    except OSError as error:
        raise FileNotFoundError(
            f"{path.name} doesn't tell its tokenizer and sizes, and the hub can't be asked "
            f"({first_line(error)}); put them into the folder {config}: the files of the model's diffusers "
            "folder, without weights"
        ) from error
    except (NotImplementedError, SingleFileComponentError) as error:
        raise lacking(path) from error
    except Exception as error:  # Whatever names and shapes lead the libraries to.
        said = " ".join(str(error).split())[:400] or type(error).__name__
        raise ValueError(
            f"{path.name} doesn't fit its configuration{f' in {config}' if config.is_dir() else ''}: {said}"
        ) from error
    # Weights that diffusers doesn't find stay on the device "meta".
    if any(weight.is_meta for weight in pipeline.text_encoder.parameters()):
        raise lacking(path)
    return {part: getattr(pipeline, part) for part in FAMILY.parts}


def lacking(path: Path) -> ValueError:
    """The error for a file that isn't a whole model."""
    return ValueError(
        f"{path.name} lacks weights of its UNet, VAE or text encoder, which would stay random; download it "
        "again"
    )


def refuse_other_layouts(path: Path) -> None:
    """Raises ValueError if a file isn't a Stable Diffusion in the original layout."""
    try:
        with safe_open(path, framework="pt") as tensors:
            names = list(tensors.keys())
    except SafetensorError as error:
        raise ValueError(f"{path} isn't a safetensors file, or was cut short: {error}") from error
    if not any(name.startswith("model.diffusion_model.") for name in names):
        kind = "a LoRA: give it as one" if any("lora" in name for name in names) else "something else"
        raise ValueError(f"{path} has no Stable Diffusion in the original one-file layout; it is {kind}")
