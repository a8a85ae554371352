"""The documentation of dataclass fields: the strings under them are the help of every interface."""

import ast
import inspect
from dataclasses import fields, is_dataclass
from functools import cache
from textwrap import dedent


@cache
def field_docs(kind: type) -> dict[str, str]:
    """The string under each field of a dataclass, inherited ones included, on one line; "" for none."""
    documented: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if is_dataclass(base):
            documented |= _own_docs(base)
    return {field.name: documented.get(field.name, "") for field in fields(kind) if field.init}


def _own_docs(kind: type) -> dict[str, str]:
    (body,) = ast.parse(dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    docs: dict[str, str] = {}
    for statement, after in zip(body.body, body.body[1:], strict=False):
        match statement, after:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                docs[name] = " ".join(text.split())
            case _:
                continue
    return docs
