"""Reads a pipeline's parts, strictly: every weight that a part needs must be in the checkpoint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin
from diffusers.schedulers.scheduling_utils import SCHEDULER_CONFIG_NAME
from torch import nn

from ..fields import read_json, read_text, shown
from .backbone import Backbone
from .hub import download

LIBRARIES = ("diffusers", "transformers")
"""Those whose classes are read; others could run anything."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """Models of one architecture, as data: a new one is a file with such a value, and its line in `load`."""

    title: str
    pipelines: tuple[str, ...]
    """Classes of pipelines, as `model_index.json` names them, whose parts make such a model."""
    parts: Mapping[str, tuple[str, ...]]
    """The parts that are used, and the classes that each may have; any if none is named."""
    scheduler: str | None
    """The class by which the scheduler's settings are read; nothing else is used of it. With None, they are
    given as they are in the file."""
    make: Callable[..., Backbone]
    """Makes a model of the parts: takes them by name, and `device` and `offload`."""
    optional: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Parts that are used where a model has them, and the classes that each may have."""
    settings: tuple[str, ...] = ()
    """Entries of `model_index.json` that `make` is given beside the parts; None where there is none."""
    precise: frozenset[str] = frozenset()
    """Parts that are always in single precision."""
    half: torch.dtype = torch.float16
    """The usual precision of the others on a GPU."""
    pipeline: Callable[[dict[str, Any]], Any] | None = None
    """Makes diffusers' pipeline of the parts, which merges LoRAs into them; None if there are no such."""

    def fits(self, index: Mapping[str, Any]) -> bool:
        """Whether a model has all parts, of the right classes."""
        found = {part: _class(index, part) for part in self.parts}
        return all(found[part] and (not kinds or found[part] in kinds) for part, kinds in self.parts.items())


class SchedulerFile(ConfigMixin):
    """Reads the settings of a scheduler, whatever its class."""

    config_name = SCHEDULER_CONFIG_NAME

    @classmethod
    def from_pretrained(cls, name: str | Path, **where: Any) -> dict[str, Any]:
        """The entries of `scheduler_config.json`."""
        settings: Any = cls.load_config(name, **where)
        return dict(settings)


ReadPart = Callable[..., Any]
"""What `load_part` and `outline_part` are."""


def read_index(name: str | Path, revision: str | None) -> dict[str, Any]:
    """The contents of `model_index.json`, of a local folder (a `Path`) or of the hub.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged.
    """
    local = isinstance(name, Path)
    path = name / "model_index.json" if local else Path(download(name, "model_index.json", revision))
    if not path.is_file():
        raise FileNotFoundError(
            f"{name} has no model_index.json: it isn't a model in diffusers' layout. For one file, name the "
            ".safetensors file itself"
        )
    index = read_json(read_text(path), name=str(path))
    if not isinstance(index, dict):
        raise ValueError(f"{path} must hold names and values, as diffusers writes them, not {shown(index)}")
    return index


def refuse_incomplete(name: str | Path, index: Mapping[str, Any], family: Family) -> None:
    """Raises FileNotFoundError if a model lacks a part of its family."""
    missing = [part for part in family.parts if not _class(index, part)]
    if isinstance(name, Path):
        missing += [part for part in family.parts if part not in missing and not Path(name, part).is_dir()]
    if missing:
        raise FileNotFoundError(
            f"{name} has no {', '.join(missing)}; this needs a {family.title} model in diffusers' layout, "
            f"with the folders {', '.join(family.parts)}"
        )


def read_parts(
    name: str | Path,
    index: Mapping[str, Any],
    family: Family,
    *,
    revision: str | None,
    dtype: torch.dtype,
    read: ReadPart,
) -> dict[str, Any]:
    """Loads the parts of a model, each by `read`.

    Raises:
        FileNotFoundError: If one is missing.
        ValueError: If one is of another class than the family's, or its weights don't fit.
    """
    refuse_incomplete(name, index, family)
    wanted = {
        **family.parts,
        **{part: kinds for part, kinds in family.optional.items() if _class(index, part)},
    }
    for part, kinds in wanted.items():
        if kinds and _class(index, part) not in kinds:
            raise ValueError(
                f"the {part} of {name} is a {_class(index, part)}; supported are {', '.join(kinds)}"
            )
    precisions = {part: torch.float32 if part in family.precise else dtype for part in wanted}
    classes = {part: _kind(name, index, family, part) for part in wanted}
    parts = {
        part: read(name, part, kind, revision=revision, dtype=precisions[part])
        for part, kind in classes.items()
    }
    return {**parts, **{entry: index.get(entry) for entry in family.settings}}


def load_part(
    name: str | Path, part: str, kind: type[Any], *, revision: str | None, dtype: torch.dtype
) -> Any:
    """Loads one part and refuses one with weights missing."""
    where: dict[str, Any] = {"subfolder": part, "revision": revision}
    reader: Any = kind
    has_weights = issubclass(kind, nn.Module)
    try:
        if not has_weights:
            return with_words(reader.from_pretrained(name, **where))
        how = {"dtype": dtype, "use_safetensors": True, "output_loading_info": True, **where, **_kernel(kind)}
        model, report = _either_variant(reader, name, how)
    except OSError as error:
        advice = "; rescene reads weights from .safetensors and no pickles (.bin, .ckpt): convert them first"
        raise FileNotFoundError(
            f"the {part} of {name} can't be read: {first_line(error)}{advice if has_weights else ''}"
        ) from error
    except Exception as error:  # Whatever a config.json leads the libraries to.
        raise unfit(name, part, error) from error
    if report["missing_keys"]:
        lacking = sorted(report["missing_keys"])
        raise ValueError(
            f"the {part} of {name} lacks {len(lacking)} of its weights ({lacking[0]}, ...): it would stay "
            "random; download it again, or check that config.json belongs to it"
        )
    return model


def outline_part(
    name: str | Path, part: str, kind: type[Any], *, revision: str | None, dtype: torch.dtype
) -> Any:
    """What `load_part` gives, without weights: networks are on torch's device `meta`."""
    if not issubclass(kind, nn.Module):
        return load_part(name, part, kind, revision=revision, dtype=dtype)
    where: dict[str, Any] = {"subfolder": part, "revision": revision}
    network: Any = kind
    try:
        with torch.device("meta"):
            if kind.__module__.startswith("transformers."):
                made = network(network.config_class.from_pretrained(name, **where, **_kernel(kind)))
            else:
                made = network.from_config(network.load_config(name, **where))
    except OSError as error:
        raise FileNotFoundError(f"the {part} of {name} can't be read: {first_line(error)}") from error
    except Exception as error:  # Whatever a config.json leads the libraries to.
        raise unfit(name, part, error) from error
    return nn.Module.to(made, dtype)  # diffusers' own `to` warns about precision, which is nothing to shapes.


def unfit(name: str | Path, part: str, error: Exception) -> ValueError:
    """The error for a part whose files don't make one."""
    said = " ".join(str(error).split())[:400] or type(error).__name__
    return ValueError(f"the {part} of {name} doesn't fit its config.json: {said}")


def _either_variant(reader: Any, name: str | Path, how: dict[str, Any]) -> Any:
    """Reads a part's weights; many models are published in half precision only, under names with fp16."""
    try:
        return reader.from_pretrained(name, **how)
    except OSError as error:
        try:
            return reader.from_pretrained(name, **how, variant="fp16")
        except Exception:  # Whatever it is, what users expect to be there are the files without a variant.
            raise error from None


def _kernel(kind: type[Any]) -> dict[str, str]:
    """How a network of transformers attends: by torch, whatever its config.json would fetch from the hub."""
    if not kind.__module__.startswith("transformers."):
        return {}
    return {"attn_implementation": "sdpa" if getattr(kind, "_supports_sdpa", False) else "eager"}


def with_words(part: Any) -> Any:
    """A part without weights, unless it is a tokenizer whose files were missing: it knows no words then.

    Raises:
        FileNotFoundError: If it has no vocabulary.
    """
    special = getattr(part, "all_special_ids", None)
    if special is not None and len(part) <= len(special):
        raise FileNotFoundError("it has no vocabulary (tokenizer.json, or vocab.json and merges.txt)")
    return part


def _class(index: Mapping[str, Any], part: str) -> str | None:
    """What the index says of a part; None if the model lacks it."""
    entry = index.get(part)
    if not isinstance(entry, list) or len(entry) != 2 or not all(isinstance(each, str) for each in entry):
        return None
    return entry[1]


def _kind(name: str | Path, index: Mapping[str, Any], family: Family, part: str) -> type[Any]:
    """The class that a part is read by."""
    if part == "scheduler" and family.scheduler is None:
        return SchedulerFile
    library, kind = ("diffusers", str(family.scheduler)) if part == "scheduler" else index[part]
    found = getattr(import_module(library), kind, None) if library in LIBRARIES else None
    if found is None:
        raise ValueError(
            f"the {part} of {name} is a {kind} of {library!r}; supported are classes of "
            f"{' and '.join(LIBRARIES)}"
        )
    return found


def first_line(error: Exception) -> str:
    """What an error says, without the advice that libraries add."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
