"""What made a result, as a value: enough to make the same frames again."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import ClassVar, Literal

from ..fields.plain import decode, encode, unknown
from ..inputs import Fit
from ..methods import METHODS, Method
from ..progress import T
from ..video import DigitalSourceType

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
class ModelSettings:
    """The model that was used."""

    name: str
    """As it was asked for: an alias, a hub id, a folder or a file."""
    revision: str | None
    """The commit of a hub id."""
    fingerprint: str
    """SHA-256 of all weights, LoRAs included."""
    dtype: DType
    device: str
    """The kind of device: cpu, cuda or mps."""
    loras: Mapping[str, float] = field(default_factory=dict)
    offload: bool = False


@dataclass(frozen=True, kw_only=True)
class SourceSettings:
    """The source video."""

    path: str
    """Where it lies, as seen from the result's folder."""
    sha256: str
    """Of the file, or of a folder's files."""
    trim: Trim = Trim()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that decides the frames of a result."""

    edit: Method
    model: ModelSettings
    source: SourceSettings
    fit: Fit
    """The sizes: of the source, and at work."""
    motion: str | None = None
    """SHA-256 of the edit's adapter, if it has one; set when a result is written."""
    label: str | None = None
    versions: Mapping[str, str] = field(default_factory=lambda: versions())
    source_type: ClassVar = DigitalSourceType.EDITED

    def to_json(self) -> str:
        """The text that results and sidecars carry."""
        rest = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "edit"}
        return write_json(method_name(self.edit), self.edit, rest)

    @classmethod
    def from_json(cls, text: str) -> "Settings":
        """The settings in a text.

        Raises:
            ValueError: If it isn't one that `to_json` gave.
        """
        values = parse(text)
        edit = take_method(values, METHODS)
        return decode(cls, values, name="settings", edit=edit)


def write_json(name: str, method: object, rest: Mapping[str, object]) -> str:
    """A method and what belongs to it, as text; `seed` is null where nothing is drawn at random."""
    drawn = {"seed": getattr(method, "seed", None)}
    return json.dumps(
        {"method": name, "fields": encode(method), **drawn, **encode(rest)}, indent=2, ensure_ascii=False
    )


def take_method(values: dict[str, object], kinds: Mapping[str, type[T]]) -> T:
    """Takes the method out of parsed settings.

    Raises:
        ValueError: If it isn't one of `kinds`, its fields are wrong, or versions are missing.
    """
    if "versions" not in values:  # Or those of today would be taken for those that made the frames.
        raise ValueError("settings has no 'versions', which is required")
    name = str(values.pop("method"))
    if name not in kinds:
        raise ValueError(unknown(name, kinds, name="method"))
    method = decode(kinds[name], values.pop("fields", None), name=name)
    if values.pop("seed", None) != getattr(method, "seed", None):
        raise ValueError("settings: seed differs from the one in the method's fields; correct one of them")
    return method


def parse(text: str) -> dict[str, object]:
    """The JSON of some settings, unchecked but for being settings at all."""
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"these are no settings of rescene: {error}") from error
    if not isinstance(values, dict) or "method" not in values:
        raise ValueError("these are no settings of rescene: they name no method")
    return values


def method_name(edit: Method) -> str:
    """The name that `METHODS` gives to a method."""
    return next(name for name, kind in METHODS.items() if type(edit) is kind)


def with_seed(edit: Method) -> Method:
    """The same edit with a seed of its own, if it draws at random and has none yet."""
    if getattr(edit, "seed", 0) is not None:
        return edit
    return replace(edit, seed=secrets.randbelow(2**31))  # pyright: ignore


def versions() -> dict[str, str]:
    """The versions of what computes."""
    return {"python": python_version(), **{name: _version(name) for name in PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
