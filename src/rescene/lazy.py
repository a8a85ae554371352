"""Packages whose names are imported when they are first used, so that importing the package is instant."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(package: str, homes: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """A package's `__getattr__` (PEP 562).

    Args:
        package: Its `__name__`.
        homes: The names that it offers, by the module within it that they come from.
    """

    def found(name: str) -> Any:
        for home, names in homes.items():
            if name in names:
                return getattr(import_module(f".{home}", package), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return found
