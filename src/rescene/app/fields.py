"""The fields of methods as people fill them in: what kind of input each wants, and how its text is read."""

import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from ..fields import Local, Range, Window, Within, decode, decode_as, encode, field_docs, range_of

InputKind = Literal[
    "prompt", "text", "switch", "choice", "choices", "slider", "number", "whole", "list", "adapter"
]
MOVE = 0.01
"""The least move of a slider."""
ADAPTER = "motion"
"""The one field that names a file and is offered: what was trained here is chosen by its name."""
LABELS = {
    "source": "What the video shows",
    "target": "What it should show",
    "instruction": "What to do",
    "num_inference_steps": "Steps",
    "num_frames": "Frames",
}
"""The names that people need to understand at once."""


@dataclass(frozen=True, kw_only=True)
class Input:
    """A field of a method, as an input on a page."""

    name: str
    kind: InputKind
    help: str
    hint: Any
    default: Any
    """As JSON; None where there is none."""
    optional: bool
    """Whether it may be left empty."""
    choices: tuple[str, ...] = ()
    ends: tuple[float, float] = (0.0, 1.0)
    """Of a slider."""

    @property
    def label(self) -> str:
        """The name in words."""
        return LABELS.get(self.name, self.name.replace("_", " ").capitalize())

    @property
    def info(self) -> str:
        """The help, without what the label says already."""
        text = self.help.replace("`", "").removeprefix(self.label).lstrip(" ,.:")
        return text[:1].upper() + text[1:]

    def shown(self, value: Any) -> Any:
        """A JSON value as the input shows it."""
        if self.kind == "slider" and isinstance(value, list):
            return value[1]
        if self.kind == "list":
            return listed(value)
        if self.is_written:
            return "" if value is None else str(value)
        return value

    @property
    def is_written(self) -> bool:
        """Whether it is a line of text on the page: numbers are where none may be given, which is not 0."""
        return self.kind in ("text", "prompt") or (self.optional and self.kind in ("whole", "number"))

    def read(self, value: Any) -> Any:
        """What was filled in, as the field's value.

        Raises:
            ValueError: If it can't be one.
        """
        if self.kind == "adapter":  # What stands behind the name is looked up later.
            return str(value) if value else None
        if value in (None, "") and self.optional:
            return None
        if value is None:
            raise ValueError(f"{self.label} is empty")
        if self.is_written and self.kind in ("whole", "number"):
            value = scalar(str(value))
        if self.kind == "list" and isinstance(value, str):
            value = unlisted(
                value, mapping="Mapping" in str(self.hint), nested="tuple[tuple" in str(self.hint)
            )
        if self.kind == "whole" and isinstance(value, float) and value.is_integer():
            value = int(value)
        return decode_as(self.hint, value, name=self.label)


def inputs(kind: type) -> list[Input]:
    """The fields of a method that people may fill in; those that name files of the machine are left out."""
    hints, docs = get_type_hints(kind, include_extras=True), field_docs(kind)
    plain = get_type_hints(kind)
    known = [
        field
        for field in fields(kind)
        if field.init and (is_adapter(field.name, plain[field.name]) or not is_local(hints[field.name]))
    ]
    return [
        _input(field, plain[field.name], range_of(hints[field.name]), docs[field.name]) for field in known
    ]


def read(
    kind: type, values: Mapping[str, Any], *, name: str, adapters: Mapping[str, Path] | None = None
) -> Any:
    """The method of some JSON values.

    Args:
        kind: The method's class.
        values: Its fields.
        name: What it is called in messages.
        adapters: The files of what was trained, by the names that stand for them.

    Raises:
        ValueError: If a value is wrong or missing, or names a file of the machine.
    """
    known = {each.name: each for each in inputs(kind)}
    for field in {field.name for field in fields(kind)} & set(values) - set(known):
        raise ValueError(f"{name}: {field} names a file of this machine, which only the command line takes")
    given = dict(values)
    if (each := known.get(ADAPTER)) and each.kind == "adapter" and (given.get(ADAPTER) or not each.optional):
        if str(given.get(ADAPTER)) not in (adapters or {}):
            raise ValueError(
                f"{name} needs a motion that was learnt here: choose one, or make one under Train"
            )
        given[ADAPTER] = str((adapters or {})[str(given[ADAPTER])])
    return decode(kind, given, name=name)


def prompt_of(made: object) -> str:
    """What a method was asked to show: the last of its prompts."""
    prompts = [each.name for each in inputs(type(made)) if each.kind == "prompt"]
    return getattr(made, prompts[-1]) if prompts else ""


def is_adapter(name: str, hint: Any) -> bool:
    """Whether a field names what a training made."""
    return name == ADAPTER and Path in _members(hint)


def is_local(hint: Any) -> bool:
    """Whether a type is one of names of files, or contains one."""
    if hint is Path or (get_origin(hint) is Annotated and any(isinstance(x, Local) for x in get_args(hint))):
        return True
    return any(is_local(each) for each in get_args(hint))


def listed(value: Any) -> str:
    """JSON lists and mappings as people write them: `a, b` and `word: 0.4, other: 2`."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_words(item)}" for key, item in value.items())
    return ", ".join(_words(item) for item in value or ())


def unlisted(text: str, *, mapping: bool = False, nested: bool = False) -> Any:
    """What `listed` gave, or a person wrote, as JSON.

    Raises:
        ValueError: If an entry of a mapping has no value.
    """
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    if nested:
        return [[scalar(word) for word in entry.split()] for entry in entries]
    if not mapping:
        return [scalar(entry) for entry in entries]
    found: dict[str, Any] = {}
    for entry in entries:
        key, colon, value = entry.rpartition(":")
        if not colon or not key.strip():
            raise ValueError(f"{entry!r} has no value; write it as word: 0.5")
        numbers = [scalar(word) for word in value.split()]
        found[key.strip()] = numbers[0] if len(numbers) == 1 else numbers
    return found


def scalar(text: str) -> int | float | str:
    """A word as the number that it is, or as it is."""
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _words(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _input(field: Field[Any], hint: Any, bounds: Range | None, doc: str) -> Input:
    required = field.default is MISSING and field.default_factory is MISSING
    default = None if required else field.default_factory() if field.default is MISSING else field.default  # pyright: ignore
    members = [each for each in _members(hint) if each is not type(None)]
    bounds = bounds if len(members) == len(_members(hint)) else None  # Where none may be given, it is text.
    inner = members[0] if len(members) == 1 else hint
    choices = get_args(inner) if get_origin(inner) is Literal else ()
    if get_origin(inner) is tuple and get_origin(get_args(inner)[0]) is Literal:
        choices = get_args(get_args(inner)[0])
    return Input(
        name=field.name,
        kind=_kind(field.name, inner, bounds, default, required=required),
        help=doc,
        hint=hint,
        default=encode(default),
        optional=type(None) in _members(hint),
        choices=tuple(map(str, choices)),
        ends=ends_of(bounds),
    )


def ends_of(bounds: Range | None) -> tuple[float, float]:
    """The ends of a slider over a range: those that it excludes are one move further in."""
    if not isinstance(bounds, Within):
        return 0.0, 1.0
    return bounds.low + MOVE * bounds.above, bounds.high - MOVE * bounds.below


def _kind(name: str, hint: Any, bounds: Range | None, default: Any, *, required: bool) -> InputKind:
    """The input that fits a field."""
    if hint == Window and isinstance(default, tuple) and default[0] > 0:
        return "list"  # A share of the steps is one from the first on.
    if is_adapter(name, hint):
        return "adapter"
    if required and hint is str:
        return "prompt"
    if hint is float and isinstance(bounds, Within):
        return "slider"
    plain: dict[Any, InputKind] = {
        bool: "switch",
        int: "whole",
        float: "number",
        str: "text",
        Window: "slider",
    }
    if get_origin(hint) is Literal:
        return "choice"
    if get_origin(hint) is tuple and get_origin(get_args(hint)[0]) is Literal:
        return "choices"
    return plain.get(hint, "list")


def _members(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
