"""Lists of our own: `clip`, `source` and `target`, and if wanted `name`, `kind`, `mask` and `subject`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from ...fields import decode
from ..row import FileRow, named, replaced_words

LOOKS = "CSV or JSON with clip, source, target and, if wanted, name, kind, mask, subject"


def fits(content: Any) -> bool:
    """Whether every row names a clip."""
    return isinstance(content, list) and all(isinstance(row, dict) and "clip" in row for row in content)


def rows(path: Path, content: list[dict[str, Any]]) -> list[FileRow]:
    """The rows; in a CSV, the subject's words are parted by spaces."""
    return [
        _row(path.parent, row, number, name=f"{path}: row {number}") for number, row in enumerate(content, 1)
    ]


def _row(folder: Path, values: dict[str, Any], number: int, *, name: str) -> FileRow:
    given = {key: value for key, value in values.items() if value not in (None, "")}
    if isinstance(words := given.get("subject"), str):
        given["subject"] = words.split()
    given.setdefault(
        "name", named(f"{number:03}", Path(str(given["clip"])).stem, str(given.get("target", ""))[:40])
    )
    row = decode(FileRow, given, name=name)
    return replace(
        row,
        clip=folder / row.clip,
        mask=None if row.mask is None else folder / row.mask,
        subject=row.subject or replaced_words(row.source, row.target),
    )
