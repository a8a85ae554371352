"""Dataclasses as plain JSON values and back: strictly: mistakes in files are named, never guessed at."""

import difflib
import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from .texts import shown

Value = TypeVar("Value")


def encode(value: object) -> Any:
    """Turns a value of dataclasses, mappings, tuples, paths and scalars into one of JSON's."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value) if field.init}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{value!r} can't be written as JSON")


def decode(kind: type[Value], value: object, *, name: str, **ready: object) -> Value:
    """Turns a JSON value into a dataclass, with everything in it checked.

    Args:
        kind: The dataclass.
        value: What `encode` gave, or what a person wrote.
        name: What the value is called in error messages.
        ready: Fields that aren't in `value`, because they are decoded already.

    Raises:
        ValueError: If a key is unknown or missing, or a value is of the wrong type; it names the place.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must hold names and values, not {shown(value)}")
    known = {
        field.name: field
        for field in fields(kind)  # pyright: ignore[reportArgumentType]
        if field.init and field.name not in ready
    }
    for key in value:
        if key not in known:
            raise ValueError(unknown(str(key), known, name=name))
    for key, field in known.items():
        if key not in value and field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{name} has no {key!r}, which is required")
    hints = get_type_hints(kind)
    read = {key: decode_as(hints[key], item, name=f"{name}: {key}") for key, item in value.items()}
    return kind(**ready, **read)


def decode_as(hint: Any, value: object, *, name: str) -> Any:
    """Turns a JSON value into one of any type that settings use.

    Raises:
        ValueError: If it isn't one.
    """
    origin, args = get_origin(hint), get_args(hint)
    if is_dataclass(hint) and isinstance(hint, type):
        return decode(hint, value, name=name)
    if origin is Literal:
        if isinstance(value, str | int) and value in args:
            return value
        raise ValueError(unknown(value, map(str, args), name=name))
    if origin in (Union, types.UnionType):
        return _first_that_fits(args, value, name=name)
    if origin is tuple and isinstance(value, list | tuple):
        return _tuple(args, value, name=name)
    if origin is not None and issubclass(origin, Mapping) and isinstance(value, Mapping):
        of = args[1]
        return {str(key): decode_as(of, item, name=f"{name}[{key}]") for key, item in value.items()}
    if hint is Path and isinstance(value, str | Path):
        return Path(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return _float(value, name=name)
    if isinstance(hint, type) and isinstance(value, hint) and (hint is bool) == isinstance(value, bool):
        return value
    raise ValueError(f"{name} must be {described(hint)}, not {shown(value)}")


def unknown(key: object, known: Iterable[str], *, name: str) -> str:
    """Says that `key` isn't one of `known`, and which it may have been meant for, if one is close."""
    near = difflib.get_close_matches(key[:100], list(known), 1) if isinstance(key, str) else []
    guess = f"; did you mean {near[0]!r}?" if near else ""
    return f"{name}: unknown {shown(key)}{guess}"


def _float(value: int, *, name: str) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError(f"{name} is too large a number") from error


def described(hint: Any) -> str:
    """A type in words."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(described(member) for member in args)
    if origin is tuple:
        listed = args[:1] if args[-1] is Ellipsis else args
        return f"a list of {' and '.join(map(described, listed))}"
    if origin is Literal:
        return " or ".join(map(str, args))
    if origin is not None:
        return f"names with {described(args[-1])} each"
    plain = {
        str: "text",
        float: "a number",
        int: "a whole number",
        bool: "true or false",
        type(None): "nothing",
    }
    return plain.get(hint, getattr(hint, "__name__", str(hint)))


def _first_that_fits(members: tuple[Any, ...], value: object, *, name: str) -> Any:
    needed = [member for member in members if member is not type(None)]
    named = len(needed) == 1 and (is_dataclass(needed[0]) or get_origin(needed[0]) is Literal)
    if named and value is not None:
        return decode_as(needed[0], value, name=name)  # Which names the place of what is wrong inside.
    for member in (type(None), bool, int, float, str, Path, *members):
        if member in members:
            try:
                return decode_as(member, value, name=name)
            except ValueError:
                continue
    wanted = " or ".join(described(member) for member in members)
    raise ValueError(f"{name} must be {wanted}, not {shown(value)}")


def _tuple(args: tuple[Any, ...], value: list[Any] | tuple[Any, ...], *, name: str) -> tuple[Any, ...]:
    kinds = args[:1] * len(value) if args[-1] is Ellipsis else args
    if len(kinds) != len(value):
        raise ValueError(f"{name} must have {len(kinds)} values, not {len(value)}: {shown(value)}")
    return tuple(
        decode_as(kind, item, name=f"{name}[{at}]")
        for at, (kind, item) in enumerate(zip(kinds, value, strict=True))
    )
