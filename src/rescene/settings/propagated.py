"""What made a result out of edited frames, as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import ClassVar

from ..fields.plain import decode
from ..inputs import Fit
from ..methods.i2vedit import I2VEdit
from ..video import DigitalSourceType
from .settings import ModelSettings, SourceSettings, parse, take_method, versions, write_json

NAME = "i2vedit"


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
    """SHA-256 of the files; the edit's own paths are as seen from the result's folder."""
    label: str | None = None
    versions: Mapping[str, str] = field(default_factory=versions)
    source_type: ClassVar = DigitalSourceType.EDITED

    def to_json(self) -> str:
        """The text that results and sidecars carry."""
        rest = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "edit"}
        return write_json(NAME, self.edit, rest)

    @classmethod
    def from_json(cls, text: str) -> "PropagatedSettings":
        """The settings in a text.

        Raises:
            ValueError: If it isn't one that `to_json` gave.
        """
        values = parse(text)
        edit = take_method(values, {NAME: I2VEdit})
        settings = decode(cls, values, name="settings", edit=edit)
        if len(settings.motion_loras) != len(edit.motion_lora):
            raise ValueError("settings: motion_loras must name a SHA-256 for each of the edit's motion LoRAs")
        return settings
