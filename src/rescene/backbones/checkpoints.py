"""Reads a pipeline's parts, strictly: every weight that a part needs must be in the checkpoint."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from huggingface_hub import constants, get_session, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from safetensors import SafetensorError, safe_open

Family = Mapping[str, tuple[str, ...]]
"""The parts of a kind of model that we use, and the classes that each may have; any if none is named."""
PARTS: Family = {
    "vae": ("AutoencoderKL", "AutoencoderTiny"),
    "unet": ("UNet2DConditionModel",),
    "text_encoder": ("CLIPTextModel",),
    "tokenizer": ("CLIPTokenizer", "CLIPTokenizerFast"),
    "scheduler": (),
}
"""Those of Stable Diffusion 1.x and 2.x. Of schedulers only the settings are read."""
XL_PARTS: Family = {
    **PARTS,
    "text_encoder_2": ("CLIPTextModelWithProjection",),
    "tokenizer_2": PARTS["tokenizer"],
}
"""Those of Stable Diffusion XL."""

ReadPart = Callable[..., Any]
"""What `load_part` is: it takes the model's name, the part's and its class's, and `revision` and `dtype`."""


def load_folder(
    name: str | Path,
    *,
    revision: str | None,
    dtype: torch.dtype,
    read: ReadPart | None = None,
    parts: Family = PARTS,
) -> dict[str, Any]:
    """Loads the parts of a model in diffusers' layout, from a local folder or the hub, each by `read`.

    Those of Stable Diffusion are Stable Diffusion XL's where there is a second text encoder.
    """
    read = read or load_part
    index = read_index(name, revision, parts)
    if parts is PARTS and "text_encoder_2" in index:
        parts = XL_PARTS
        index = read_index(name, revision, parts)
    for part, kinds in parts.items():
        if kinds and index[part][1] not in kinds:
            raise ValueError(f"the {part} of {name} is a {index[part][1]}; supported are {', '.join(kinds)}")
    return {part: read(name, part, index[part][1], revision=revision, dtype=dtype) for part in parts}


def read_index(name: str | Path, revision: str | None, parts: Family = PARTS) -> dict[str, Any]:
    """The contents of `model_index.json`, with all parts that we need.

    Raises:
        FileNotFoundError: If there is no such file, or a part is missing.
    """
    local = isinstance(name, Path)
    path = name / "model_index.json" if local else Path(download(name, "model_index.json", revision))
    if not path.is_file():
        raise FileNotFoundError(
            f"{name} has no model_index.json: it isn't a model in diffusers' layout. For one file, name the "
            ".safetensors file itself"
        )
    index = json.loads(path.read_text())
    missing = [part for part in parts if not index.get(part, [None])[0]]
    if local:
        missing += [part for part in parts if part not in missing and not Path(name, part).is_dir()]
    if missing:
        family = "Stable Diffusion" if "tokenizer" in parts else "Stable Video Diffusion"
        raise FileNotFoundError(
            f"{name} has no {', '.join(missing)}; this needs a {family} model in diffusers' layout, with the "
            f"folders {', '.join(parts)}"
        )
    return index


def download(name: str, file: str, revision: str | None) -> str:
    """Fetches one small file of a hub repository, and explains what went wrong if that fails."""
    where = f"{name} at revision {revision}" if revision else name
    try:
        return hf_hub_download(name, file, revision=revision, local_files_only=not _hub_answers())
    except RepositoryNotFoundError as error:
        raise FileNotFoundError(
            f"the hub has no model {name}, or it is gated: check the id, or `hf auth login`"
        ) from error
    except RevisionNotFoundError as error:
        raise FileNotFoundError(
            f"{name} has no revision {revision!r}: give a branch, a tag or a commit hash of the model's page"
        ) from error
    except LocalEntryNotFoundError as error:
        raise FileNotFoundError(
            f"{where} isn't in the local cache and the hub can't be reached; check the network, or give a "
            "local folder"
        ) from error
    except EntryNotFoundError as error:
        raise FileNotFoundError(f"{where} has no {file}") from error
    except HfHubHTTPError as error:
        raise FileNotFoundError(f"{where} can't be read: {error}") from error


@cache
def _hub_answers() -> bool:
    """Whether the hub can be reached; asked once, since its own downloads try six times for half a minute."""
    try:
        get_session().head(constants.ENDPOINT, timeout=5)
    # OSError, and what the hub's HTTP library raises, whichever that is.
    except HfHubHTTPError.__bases__:  # pyright: ignore[reportGeneralTypeIssues]
        return False  # The local cache may hold the file.
    return True


def load_part(name: str | Path, part: str, kind: str, *, revision: str | None, dtype: torch.dtype) -> Any:
    """Loads one part and refuses one with weights missing."""
    library = transformers if kind.startswith("CLIP") else diffusers
    where: dict[str, Any] = {"subfolder": part, "revision": revision}
    try:
        if part == "scheduler":
            return diffusers.DDIMScheduler.from_pretrained(name, **where)
        if part in ("tokenizer", "tokenizer_2"):
            return with_words(getattr(library, kind).from_pretrained(name, **where))
        model, report = getattr(library, kind).from_pretrained(
            name, dtype=dtype, use_safetensors=True, output_loading_info=True, **where
        )
    except OSError as error:
        weights = (
            ""
            if part in ("scheduler", "tokenizer", "tokenizer_2")
            else (
                "; rescene reads weights from .safetensors and no pickles (.bin, .ckpt): convert them first"
            )
        )
        raise FileNotFoundError(
            f"the {part} of {name} can't be read: {first_line(error)}{weights}"
        ) from error
    except (RuntimeError, ValueError, SafetensorError) as error:
        raise ValueError(f"the {part} of {name} doesn't fit its config.json: {error}") from error
    if report["missing_keys"]:
        lacking = sorted(report["missing_keys"])
        raise ValueError(
            f"the {part} of {name} lacks {len(lacking)} of its weights ({lacking[0]}, ...): it would stay "
            "random; download it again, or check that config.json belongs to it"
        )
    return model


def with_words(tokenizer: Any) -> Any:
    """The tokenizer, unless its files were missing: then it knows nothing but its special tokens.

    Raises:
        FileNotFoundError: If it has no vocabulary.
    """
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise FileNotFoundError("it has no vocabulary (tokenizer.json, or vocab.json and merges.txt)")
    return tokenizer


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
        read_index(config, None)
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
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"{path.name} doesn't fit its configuration{f' in {config}' if config.is_dir() else ''}: {error}"
        ) from error
    # Weights that diffusers doesn't find stay on the device "meta".
    if any(weight.is_meta for weight in pipeline.text_encoder.parameters()):
        raise lacking(path)
    return {part: getattr(pipeline, part) for part in PARTS}


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


def refuse_pickle(path: Path) -> None:
    """Raises ValueError if a file of weights isn't safetensors."""
    if path.suffix != ".safetensors":
        raise ValueError(f"{path} isn't .safetensors, and pickles can run code when read; convert it first")


def first_line(error: Exception) -> str:
    """What an error says, without the advice that libraries add."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
