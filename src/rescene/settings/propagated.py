"""What made a result out of edited frames, as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import ClassVar

from ..methods.i2vedit import I2VEdit
from ..video import DigitalSourceType, Fit
from .settings import ModelSettings, SourceSettings, versions, write_json


@dataclass(frozen=True, kw_only=True)
class KeyFrameSettings:
    """An edited frame."""

    at: int
    """The number of the frame that it replaces."""
    path: str
    """Where it lies, as seen from the result's folder."""
    sha256: str


@dataclass(frozen=True, kw_only=True)
class PropagatedSettings:
    """Everything that decides the frames of a result."""

    edit: I2VEdit
    model: ModelSettings
    source: SourceSettings
    fit: Fit
    """The sizes: of the source, and at work."""
    key_frames: tuple[KeyFrameSettings, ...]
    motion_loras: tuple[str, ...]
    """SHA-256 of the files."""
    label: str | None = None
    versions: Mapping[str, str] = field(default_factory=versions)
    source_type: ClassVar = DigitalSourceType.EDITED

    def to_json(self) -> str:
        """The text that results and sidecars carry."""
        rest = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "edit"}
        return write_json("i2vedit", self.edit, rest)
