"""Reads the lists of published benchmarks, and plain ones; which it is shows in the file itself."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...fields import plain_name, read_list
from ..row import FileRow
from . import davis_edit, five, plain, tgve


@dataclass(frozen=True)
class ListFormat:
    """How one benchmark lists its rows."""

    looks: str
    """What its lists hold, in words."""
    fits: Callable[[Any], bool]
    """Whether the content of a file is of this format."""
    rows: Callable[[Path, Any], list[FileRow]]
    """Its rows; paths are seen from the list's folder."""


FORMATS: dict[str, ListFormat] = {
    "plain": ListFormat(plain.LOOKS, plain.fits, plain.rows),
    "TGVE": ListFormat(tgve.LOOKS, tgve.fits, tgve.rows),
    "DAVIS-Edit": ListFormat(davis_edit.LOOKS, davis_edit.fits, davis_edit.rows),
    "FiVE": ListFormat(five.LOOKS, five.fits, five.rows),
}
"""The lists that can be read."""


def read_rows(path: Path) -> list[FileRow]:
    """The rows of a list (.csv or .json).

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is of no known format, has no rows, or two of one name.
    """
    content = read_list(path)
    form = next((each for each in FORMATS.values() if each.fits(content)), None)
    if form is None:
        known = "; ".join(f"{name}: {each.looks}" for name, each in FORMATS.items())
        raise ValueError(f"{path} is of no known format; there are {known}")
    try:
        rows = form.rows(path, content)
    except (TypeError, AttributeError, KeyError, IndexError) as error:
        raise ValueError(f"{path} has a row that isn't as it should be; {form.looks}") from error
    if not rows:
        raise ValueError(f"{path} lists nothing to edit")
    for row in rows:
        plain_name(row.name, what=f"{path}: the name")
    name, times = Counter(row.name for row in rows).most_common(1)[0]
    if times > 1:
        raise ValueError(f"{path} has {times} rows named {name!r}; give each a name of its own")
    return rows
