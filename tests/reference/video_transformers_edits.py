"""Recorded edits by video transformers: what runs a case, by what its name begins with."""

from collections.abc import Callable, Iterator

from tests.reference.result import Result
from tests.reference.video_transformers_case import Case

EDITS: dict[str, Callable[[Case], Iterator[Result]]] = {}
"""Runs a case of an edit, by what its name begins with."""
