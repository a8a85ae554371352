"""What made a clip that has no source, as a value: enough to make the same frames again."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import ClassVar

from ..fields.plain import decode
from ..methods import GENERATORS, Generator
from ..video import DigitalSourceType
from .settings import ModelSettings, parse, take_method, versions, write_json


@dataclass(frozen=True, kw_only=True)
class GeneratedSettings:
    """Everything that decides the frames of a generated clip."""

    generator: Generator
    model: ModelSettings
    motion: str | None = None
    """SHA-256 of the generator's adapter, if it has one; set when a result is written."""
    label: str | None = None
    versions: Mapping[str, str] = field(default_factory=versions)
    source_type: ClassVar = DigitalSourceType.GENERATED

    def to_json(self) -> str:
        """The text that results and sidecars carry: that of an edit, without a source."""
        name = next(name for name, kind in GENERATORS.items() if type(self.generator) is kind)
        rest = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "generator"}
        return write_json(name, self.generator, rest)

    @classmethod
    def from_json(cls, text: str) -> "GeneratedSettings":
        """The settings in a text.

        Raises:
            ValueError: If it isn't one that `to_json` gave.
        """
        values = parse(text)
        generator = take_method(values, GENERATORS)
        return decode(cls, values, name="settings", generator=generator)
