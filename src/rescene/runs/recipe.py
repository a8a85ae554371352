"""What a run is, as one value: a method, a model, inputs and a fit; enough to make the same frames again.

A recipe is written into its result and beside it, and can be sent to another process and run there.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Any, Literal

from ..fields import Verb
from ..fields.plain import decode, encode, unknown
from ..inputs import Fit
from ..methods import METHODS, unknown_method, verb_of
from ..methods.method import Method
from .files import files_of
from .old import renewed
from .refs import FileRef, MaskRef

DType = Literal["float32", "float16", "bfloat16"]
PACKAGES = ("rescene", "torch", "diffusers", "transformers", "av")
"""Those whose versions can change the frames."""


@dataclass(frozen=True, kw_only=True)
class Trim:
    """Which frames of a source are used. Positions are frame numbers (48) or times (1.5, 2s, 00:01:02.5)."""

    start: int | float | str = 0
    """The first frame."""
    end: int | float | str | None = None
    """The frame after the last; the end of the clip if not given."""
    frames: int | None = None
    """Use at most this many frames."""
    every: int = 1
    """Use only every n-th frame; the frame rate falls with it."""


@dataclass(frozen=True, kw_only=True)
class ModelRef:
    """A model: which one, and how it computes."""

    name: str
    """As it was asked for: an alias, a hub id, a folder or a file."""
    revision: str | None = None
    """The commit of a hub id; a branch or tag before the run."""
    fingerprint: str | None = None
    """SHA-256 of all weights, LoRAs included; None before the run."""
    dtype: DType | None = None
    """Precision of the network; the device's usual one if None."""
    device: str | None = None
    """Where to compute, as in cpu or cuda:1, and only the kind after the run; the fastest that there is if
    None."""
    loras: Mapping[str, float] = field(default_factory=dict)
    offload: bool = False


@dataclass(frozen=True, kw_only=True)
class VideoRef(FileRef):
    """The source video."""

    trim: Trim = Trim()


@dataclass(frozen=True, kw_only=True)
class KeyFrameRef(FileRef):
    """An edited frame."""

    at: int
    """The number of the frame that it replaces."""


@dataclass(frozen=True, kw_only=True)
class InputRefs:
    """The files of a run's inputs."""

    video: VideoRef | None = None
    """The source; None where a clip is generated."""
    mask: MaskRef | None = None
    """Where the edit may change the picture; everywhere if None."""
    key_frames: tuple[KeyFrameRef, ...] = ()
    """Edited frames."""
    cover: bool = False
    """Whether edited frames of another size than the video are scaled and cropped."""
    control: FileRef | None = None
    """A clip that shows a control ready-made."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides the frames of a result."""

    method: Method
    model: ModelRef
    inputs: InputRefs = InputRefs()
    fit: Fit | str | None = None
    """The sizes: of the source, and at work. Before the run, the wanted size: WIDTHxHEIGHT, `source` for the
    video's own, or None for the model's."""
    files: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    """SHA-256 of the files that the method's fields name, by the field; None where nobody noted it."""
    label: str | None = None
    """A text on every frame."""
    versions: Mapping[str, str] = field(default_factory=lambda: versions())

    @property
    def verb(self) -> Verb:
        """The command that runs the method."""
        return verb_of(type(self.method))

    @property
    def identity(self) -> str:
        """SHA-256 of all that decides what is computed, versions aside: of what files hold, not their names.

        Recipes have one once `runs.run.prepare` has found the files and the model is loaded.
        """
        inputs, model, named = self.inputs, self.model, files_of(self.method)
        own = {name: value for name, value in encode(self.method).items() if name not in named}
        values = {
            "method": [self.verb, type(self.method).name, own],
            "files": encode(self.files),
            "model": [model.fingerprint, model.dtype, model.device],
            "video": inputs.video and [inputs.video.sha256, encode(inputs.video.trim)],
            "mask": inputs.mask and inputs.mask.identity,
            "key_frames": [inputs.cover, *([each.at, each.sha256] for each in inputs.key_frames)],
            "control": inputs.control and inputs.control.sha256,
            "fit": encode(self.fit),
        }
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> str:
        """The text that results and sidecars carry; `seed` is null where nothing is drawn at random."""
        method = {
            "method": type(self.method).name,
            "verb": self.verb,
            "fields": encode(self.method),
            "seed": getattr(self.method, "seed", None),
        }
        rest = {item.name: encode(getattr(self, item.name)) for item in fields(self) if item.name != "method"}
        text = json.dumps({**method, **rest}, indent=2, ensure_ascii=False)
        try:
            text.encode()
        except UnicodeEncodeError:  # A name of bytes that are no text.
            return json.dumps({**method, **rest}, indent=2)
        return text

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """The recipe in a text.

        Raises:
            ValueError: If it isn't one that `to_json` gave, now or in a format of before; it names the place.
        """
        values = parse(text)
        if "versions" not in values:  # Or those of today would be taken for those that made the frames.
            raise ValueError("settings has no 'versions', which is required")
        method, fit = _method(values), values.pop("fit", None)
        if fit is not None and not isinstance(fit, str):
            fit = decode(Fit, fit, name="settings: fit")
        recipe = decode(cls, values, name="settings", method=method, fit=fit)
        named = files_of(method)
        for name, hashes in recipe.files.items():
            if len(hashes) != len(named.get(name, ())):
                raise ValueError(f"settings: files must name a SHA-256 for each file of {name}")
        return recipe


def parse(text: str) -> dict[str, Any]:
    """The JSON of some settings in today's shape, checked only for being settings at all.

    Raises:
        ValueError: If they are none.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"these are no settings of rescene: {error}") from error
    if not isinstance(values, dict) or "method" not in values:
        raise ValueError("these are no settings of rescene: they name no method")
    return renewed(values)


def with_seed(method: Method) -> Method:
    """The same method with a seed of its own, if it draws at random and has none yet."""
    if getattr(method, "seed", 0) is not None:
        return method
    return replace(method, seed=secrets.randbelow(2**31))  # pyright: ignore


def versions() -> dict[str, str]:
    """The versions of what computes."""
    return {"python": python_version(), **{name: _version(name) for name in PACKAGES}}


def _method(values: dict[str, Any]) -> Method:
    """Takes the method out of parsed settings."""
    name, verb = str(values.pop("method")), str(values.pop("verb", None))
    if verb not in METHODS:
        raise ValueError(unknown(verb, METHODS, name="verb"))
    kinds = METHODS[verb]
    if name not in kinds:
        raise ValueError(unknown_method(name, kinds, where="method"))
    method = decode(kinds[name], values.pop("fields", None), name=name)
    if values.pop("seed", None) != getattr(method, "seed", None):
        raise ValueError("settings: seed differs from the one in the method's fields; correct one of them")
    return method


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
