"""How a long computation tells how far it is."""

from collections.abc import Iterable
from typing import Protocol, TypeVar, runtime_checkable

T = TypeVar("T")


@runtime_checkable
class Progress(Protocol):
    """Reports how far an iteration is, as `tqdm` does: an iterable in, the same items out."""

    def __call__(self, iterable: Iterable[T], /, *, description: str, total: int) -> Iterable[T]: ...


def quiet(iterable: Iterable[T], /, *, description: str, total: int) -> Iterable[T]:
    """Reports no progress."""
    return iterable
