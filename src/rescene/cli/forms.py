"""Options from dataclasses, a configuration file and the command line: the line wins over the file.

tyro reads dataclasses. It is given forms of ours: with the same fields and help, the file's values as
defaults, and none of the checks, so that a required value may come from either place and we report mistakes.
"""

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from inspect import cleandoc
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import tyro
from tyro.conf import OmitArgPrefixes, OmitSubcommandPrefixes, Positional

from ..fields import decode_as, field_docs, range_of, read_text, read_yaml, shown, unknown
from ..methods import unknown_method
from .lines import in_a_line

Options = TypeVar("Options")
METAVARS = {"input": "IN", "output": "OUT"}
"""What stands for positional options in usage; others stand for themselves."""


@dataclass(frozen=True)
class OneOf:
    """Marks a field that holds a value of one of several dataclasses: `Annotated[Method, OneOf(kinds)]`."""

    kinds: Mapping[str, type]
    """The dataclasses by the name of the subcommand that stands for each."""


def choices(hint: Any) -> Mapping[str, type]:
    """The dataclasses of a field that is marked with `OneOf`; none of others."""
    marks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((mark.kinds for mark in marks if isinstance(mark, OneOf)), {})


def parse(kind: type[Options], arguments: Sequence[str], *, command: str) -> Options:
    """Reads options off the command line and out of the file that `--config` names.

    Args:
        kind: A frozen dataclass of fields and of groups of fields (dataclasses); one may be marked `OneOf`.
        arguments: The command line after the command.
        command: The command's name.

    Raises:
        ValueError: If the file has an unknown name or a wrong value, or a value is out of range.
    """
    path = _config(arguments)
    values = {} if path is None else read_config(path, kind)
    prog, made = f"rescene {command}", _form(kind, values, name=str(path))
    form = in_a_line(
        lambda: tyro.cli(
            made,
            prog=prog,
            description=cleandoc(kind.__doc__ or ""),
            args=arguments,
            config=(tyro.conf.CascadeSubcommandArgs,),
        ),
        prog=prog,
        words=_words(kind),
    )
    options = _built(kind, form)
    _refuse_empty(form, arguments)
    return options


def _words(kind: type) -> list[str]:
    """Options and subcommands, as on the command line."""
    hints = get_type_hints(kind, include_extras=True).values()
    methods = [name for hint in hints for name in choices(hint)]
    return [*methods, *(f"--{name.replace('_', '-')}" for name in [*_names(kind, None), "config"])]


def _refuse_empty(form: Any, arguments: Sequence[str]) -> None:
    """Raises ValueError for an option of many values that is there without any."""
    for field in fields(form):
        value, option = getattr(form, field.name), f"--{field.name.replace('_', '-')}"
        if is_dataclass(value):
            _refuse_empty(value, arguments)
        elif value == () and option in arguments:
            raise ValueError(f"{option} is there without a value; give one, or leave it out")


def read_config(path: Path, kind: type) -> dict[str, Any]:
    """The names and values of a YAML file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no YAML, or a name isn't one of `kind`'s or its method's fields.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; check the path after --config")
    values = read_yaml(read_text(path), name=str(path)) or {}
    if not isinstance(values, dict):
        raise ValueError(f"{path} must hold names and values, such as `target: a red car`")
    methods = next(filter(None, map(choices, get_type_hints(kind, include_extras=True).values())), {})
    method = values.get("method")
    if method is not None and not isinstance(method, str):
        raise ValueError(f"{path}: method must be one name, not {shown(method)}")
    known = _names(kind, method)
    for name in values:
        if name not in known:
            raise ValueError(unknown(str(name), known, name=str(path)))
    if methods and method not in {None, *methods}:
        raise ValueError(unknown_method(str(method), methods, where=f"{path}: method"))
    return values


def _config(arguments: Sequence[str]) -> Path | None:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--config", type=Path)
    try:
        return parser.parse_known_args(list(arguments))[0].config
    except argparse.ArgumentError:  # No file after it: tyro says so, in its words.
        return None


def _names(kind: type, method: str | None) -> list[str]:
    """All names that a configuration file may use."""
    names: list[str] = []
    for name, hint in get_type_hints(kind, include_extras=True).items():
        if kinds := choices(hint):
            methods = [kinds[method]] if method is not None and method in kinds else kinds.values()
            names += ["method", *(field for each in methods for field in field_docs(each))]
        elif is_dataclass(_plain(hint)):
            names += field_docs(_plain(hint))  # pyright: ignore[reportArgumentType]
        elif name != "config":
            names.append(name)
    return names


def _form(kind: type, values: Mapping[str, Any], *, name: str) -> type:
    """A dataclass for tyro: `kind`'s fields and help, `values` as defaults, no checks."""
    docs, made = field_docs(kind), []
    for field in fields(kind):
        hint = get_type_hints(kind, include_extras=True)[field.name]
        plain, given = get_type_hints(kind)[field.name], values.get(field.name, MISSING)
        if kinds := choices(hint):
            hint, default = _method(kinds, values, name=name)
        elif is_dataclass(plain):
            group = _form(plain, values, name=name)  # pyright: ignore[reportArgumentType]
            hint, default = OmitArgPrefixes[group], _blank(group)
        else:
            default = given if given is MISSING else decode_as(plain, given, name=f"{name}: {field.name}")
            hint = Annotated[_words_last(hint), _help(docs[field.name], field, hint)]
        made.append((field.name, hint, _default(field, default)))
    form = dataclasses.make_dataclass(kind.__name__, made, frozen=True, kw_only=True)
    form.__doc__ = cleandoc(kind.__doc__ or "")
    return form


def _method(methods: Mapping[str, type], values: Mapping[str, Any], *, name: str) -> tuple[Any, Any]:
    """The type of the method's subcommand, and its default."""
    chosen = values.get("method")
    forms = {
        method: _form(kind, values if chosen in (None, method) else {}, name=name)
        for method, kind in methods.items()
    }
    named = [Annotated[form, tyro.conf.subcommand(method)] for method, form in forms.items()]
    kinds = (*named, Annotated[None, tyro.conf.Suppress])  # A union of one would be no subcommand.
    hint = OmitArgPrefixes[OmitSubcommandPrefixes[Union[kinds]]]  # noqa: UP007
    return hint, MISSING if chosen is None else _blank(forms[chosen])


def _blank(form: Any) -> Any:
    """A form whose required fields are still to be filled."""
    required = [f.name for f in fields(form) if f.default is MISSING and f.default_factory is MISSING]
    return form(**dict.fromkeys(required, tyro.MISSING))


def _default(field: dataclasses.Field[Any], given: Any) -> Any:
    if given is not MISSING:
        return dataclasses.field(default_factory=lambda: given)
    if field.default_factory is not MISSING:
        return dataclasses.field(default_factory=field.default_factory)
    return dataclasses.field() if field.default is MISSING else dataclasses.field(default=field.default)


def _help(text: str, field: dataclasses.Field[Any], hint: Any) -> Any:
    """The help of an option; one that is simply not there by default is shown without `None`."""
    if Positional in (get_args(hint)[1:] if get_origin(hint) is Annotated else ()):
        name = METAVARS.get(field.name, field.name.upper())
        metavar = name if field.default is MISSING else f"[{name}]"
        return tyro.conf.arg(help=text, help_behavior_hint="", metavar=metavar)
    if field.default is not None:
        return tyro.conf.arg(help=text, help_behavior_hint=lambda default: _behaviour(default, hint))
    members = [member for member in get_args(_plain(hint)) if member is not type(None)]
    named = get_args(members[0]) if get_origin(members[0]) is Literal else ()
    metavar = f"{{{','.join(named)}}}" if named else field.name.upper()
    return tyro.conf.arg(help=text, help_behavior_hint="", metavar=metavar)


def _behaviour(default: str, hint: Any) -> str:
    """What is shown after an option's help: its default and its range."""
    found = range_of(hint)
    shown = [] if default in ("", "''", "False") else [f"default: {default}"]
    shown += [str(found)] if found else []
    return f"({', '.join(shown)})" if shown else ""


def _plain(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _words_last(hint: Any) -> Any:
    """The same type with `str` last in unions: tyro takes the first member that fits, and all do."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is None or origin is Annotated:
        return hint
    if origin is tuple:
        return tuple[tuple(_words_last(arg) for arg in args)]  # pyright: ignore
    if str in args and "Union" in str(origin):
        return Union[tuple(sorted(args, key=lambda arg: arg is str))]  # noqa: UP007
    return hint


def _built(kind: type[Options], form: Any) -> Options:
    """The dataclass that a filled form stands for; its own checks run here."""
    values: dict[str, Any] = {}
    hints = get_type_hints(kind, include_extras=True)
    for field in fields(kind):  # pyright: ignore[reportArgumentType]
        hint, value = _plain(hints[field.name]), getattr(form, field.name)
        if kinds := choices(hints[field.name]):
            hint = next(each for each in kinds.values() if each.__name__ == type(value).__name__)
        values[field.name] = _built(hint, value) if is_dataclass(hint) else value  # pyright: ignore
    return kind(**values)
