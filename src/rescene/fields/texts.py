"""Text files of people and of other programs: read within bounds, with one kind of error for all mistakes."""

import csv
import json
import reprlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MOST_BYTES = 64 << 20
"""Of a list or a file of settings."""
_MOST_VALUES = 100_000


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is too large, or isn't UTF-8.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; check the path")
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path} is larger than {MOST_BYTES >> 20} MB, which no list and no settings need")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} isn't text in UTF-8 (byte {error.start}); save it as UTF-8") from error


def read_json(text: str, *, name: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: If it is none, is nested too deep, or has a number of too many digits.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} is no JSON: {error}") from error


def read_yaml(text: str, *, name: str) -> Any:
    """The value of a YAML text.

    Raises:
        ValueError: If it is none, is nested too deep, or has aliases or digits without end.
    """
    import yaml

    try:
        values = yaml.safe_load(text)
        for count, _ in enumerate(_walk(values)):
            if count > _MOST_VALUES:
                raise ValueError(f"its aliases (*) make more than {_MOST_VALUES} values")
        return values
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"{name} is no YAML: {' '.join(str(error).split())}") from error


def _walk(value: Any) -> Iterator[Any]:
    """All values in a value, those that aliases repeat as often as they do."""
    yield value
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _walk(item)


def read_list(path: Path) -> Any:
    """What a list holds: the rows of a CSV as dictionaries, or the value of a .json file.

    Raises:
        FileNotFoundError, ValueError: As `read_text` and `read_json`, or if it is no CSV.
    """
    text = read_text(path)
    if path.suffix.lower() == ".json":
        return read_json(text, name=str(path))
    try:
        rows = list(csv.DictReader(text.splitlines()))
    except csv.Error as error:
        raise ValueError(f"{path} is no CSV: {error}") from error
    for number, row in enumerate(rows, start=1):
        if None in row:
            raise ValueError(f"{path}: row {number} has more cells than the first line has names")
    return rows


def plain_name(name: object, *, what: str) -> str:
    """A name of a file or folder, never a path.

    Raises:
        ValueError: If it is none.
    """
    if not isinstance(name, str) or name in ("", ".", "..") or any(each in name for each in "/\\\0:\n\r"):
        raise ValueError(f"{what} {shown(name)} must be the name of a file, not a path")
    if len(name.encode(errors="replace")) > 200:
        raise ValueError(f"{what} {shown(name)} is too long for the name of a file: 200 bytes are the most")
    return name


def cell(value: object) -> object:
    """A value for a CSV: text that spreadsheets would run as a formula gets a quote in front."""
    if isinstance(value, str | Path) and str(value)[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value


def shown(value: object) -> str:
    """A value for a message: as Python writes it, cut where it is long."""
    try:
        return _Short().repr(value)
    except ValueError:  # Python writes no whole number of so many digits.
        return "a number of thousands of digits"


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother, self.maxlong = 3, 120, 120, 40
