"""`rescene methods`: what methods there are, and what each of their settings does."""

from collections.abc import Sequence
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

from rich.console import Console
from rich.padding import Padding
from tyro.conf import Positional

from ..fields import Verb, encode, field_docs, unknown
from ..methods import METHODS, Method
from .forms import parse

USES: dict[Verb, str] = {
    "edit": "rescene edit IN OUT METHOD",
    "propagate": "rescene propagate IN OUT --first-frame FIRST",
    "generate": "rescene generate OUT METHOD",
}
"""How the methods of each verb are run."""


@dataclass(frozen=True, kw_only=True)
class MethodsCommand:
    """List the methods, or explain one with all its settings."""

    method: Positional[str | None] = None
    """The one to explain."""


def main(arguments: Sequence[str]) -> None:
    """Runs the command."""
    name = parse(MethodsCommand, arguments, command="methods").method
    console = Console(highlight=False, markup=False)
    if name is None:
        for verb, use in USES.items():
            console.print(f"{use}\n")
            for each, kind in METHODS[verb].items():
                console.print(f"{each:<18}{_summary(kind)}")
            console.print()
        console.print("rescene methods METHOD explains its settings.")
        return
    if not any(name in kinds for kinds in METHODS.values()):
        known = {each: None for kinds in METHODS.values() for each in kinds}
        raise ValueError(unknown(name, known, name="methods"))
    for verb, use in USES.items():
        if name in METHODS[verb]:
            console.print(use.replace("METHOD", name))
            _explain(console, name, METHODS[verb][name])


def _explain(console: Console, name: str, kind: type[Method]) -> None:
    console.print(f"{name}: {_summary(kind)}\n")
    docs = field_docs(kind)
    for field in fields(kind):
        console.print(f"--{field.name.replace('_', '-')}  ({_default(field)})")
        console.print(Padding(docs[field.name], (0, 0, 1, 4)))


def _summary(kind: type) -> str:
    return (kind.__doc__ or "").splitlines()[0]


def _default(field: Field[Any]) -> str:
    if field.default_factory is not MISSING:
        value = field.default_factory()
    elif field.default is MISSING:
        return "required"
    else:
        value = field.default
    plain = encode(value)
    return f"default: {' '.join(map(str, plain)) if isinstance(plain, list) else plain or 'none'}"
