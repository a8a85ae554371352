"""What to tell people about what went wrong: the reason and the remedy, and nothing about the machine."""

import logging
import re
import traceback
from pathlib import Path

log = logging.getLogger(__name__)

PACKAGE = str(Path(__file__).parents[1])
BUG = "something went wrong inside rescene; whoever runs this page finds the details in its log"
MEMORY = "not enough memory; take fewer frames, or a smaller model"
_PATH = re.compile(r"(?<![\w.~])(?:~|[A-Za-z]:)?[/\\](?:[^\s/\\'\":;,]+[/\\])+")
"""Folders with at least one level below the root; the last name stays."""


def told(error: Exception) -> str:
    """The line for people; what isn't theirs goes to the log."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return MEMORY
    if isinstance(error, ValueError | FloatingPointError | OSError) and _raised_here(error):
        return without_paths(" ".join(str(error).split()))
    log.error("a job failed", exc_info=error)
    return BUG


def without_paths(text: str) -> str:
    """The text with every path of the machine cut down to its last name."""
    return _PATH.sub("", text)


def _raised_here(error: Exception) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and frames[-1].filename.startswith(PACKAGE)
