"""The type checker of the tests: beartype, to which ints are floats, as to Python itself (PEP 484)."""

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, beartype

_check: Any = beartype(conf=BeartypeConf(is_pep484_tower=True))
_PARTS = 2
"""jaxtyping hands a function over in so many parts: its arguments, and the whole."""
_made: Counter[tuple[str, str]] = Counter()
"""How often functions within functions were handed over since the test began."""


def check(checked: Callable[..., Any]) -> Any:
    """Checks calls, save those of modules that import some names only for static checkers.

    Such modules hold values that need no network; their annotations can't be looked up while they run. A
    function within a function is checked when a test makes it first: made again and again, for every layer
    and step, its checks would take most of the test's time.
    """
    if "<locals>" in checked.__qualname__:
        place = checked.__module__, checked.__qualname__
        _made[place] += 1
        if _made[place] > _PARTS:
            return checked
    return checked if hasattr(sys.modules[checked.__module__], "TYPE_CHECKING") else _check(checked)


def begin_test() -> None:
    """Lets functions within functions be checked again."""
    _made.clear()
