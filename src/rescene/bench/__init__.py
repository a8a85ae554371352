"""Benchmarks: rows of clips and edits, run over methods and settings, measured, and shown on pages."""

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .formats import read_rows
    from .row import FileRow, Row
    from .run import Bench, results
    from .setting import Setting, read_settings, settings_of, world_settings
    from .trial import Trial
    from .world import WorldRow, world_rows

_HOMES = {
    "formats": ("read_rows",),
    "row": ("FileRow", "Row"),
    "run": ("Bench", "results"),
    "setting": ("Setting", "read_settings", "settings_of", "world_settings"),
    "trial": ("Trial",),
    "world": ("WorldRow", "world_rows"),
}
"""Names by the file that they come from; imported when first used, so that the meter needs no world."""

__all__ = [
    "Bench",
    "FileRow",
    "Row",
    "Setting",
    "Trial",
    "WorldRow",
    "read_rows",
    "read_settings",
    "results",
    "settings_of",
    "world_rows",
    "world_settings",
]
__getattr__ = lazily(__name__, _HOMES)
