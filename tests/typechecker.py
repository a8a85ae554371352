"""The type checker of the tests: beartype, to which ints are floats, as to Python itself (PEP 484)."""

import sys
from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, beartype

_check: Any = beartype(conf=BeartypeConf(is_pep484_tower=True))


def check(checked: Callable[..., Any]) -> Any:
    """Checks calls, save those of modules that import some names only for static checkers.

    Such modules hold values that need no network; their annotations can't be looked up while they run.
    """
    return checked if hasattr(sys.modules[checked.__module__], "TYPE_CHECKING") else _check(checked)
