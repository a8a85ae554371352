"""The command line: `rescene COMMAND ...`."""

from .commands import main

__all__ = ["main"]
