"""Benchmarks: rows of clips and edits, run over methods and settings, measured, and shown on pages."""

from .formats import read_rows
from .row import FileRow, Row
from .run import Bench, results
from .setting import Setting, read_settings, settings_of, world_settings
from .trial import Trial
from .world import WorldRow, world_rows

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
