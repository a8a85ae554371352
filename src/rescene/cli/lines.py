"""What is wrong with a command line, in one line: tyro draws boxes, in which the reason is hard to find."""

import re
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr
from io import StringIO
from typing import TypeVar

from ..methods import unknown_method

Parsed = TypeVar("Parsed")
_NUMBERS = (
    (
        r"Error parsing (\S+): invalid literal for int\(\) with base 10: (.+)",
        r"\1 is \2; it must be a whole number",
    ),
    (r"Error parsing (\S+): could not convert string to float: (.+)", r"\1 is \2; it must be a number"),
    (
        r"Error parsing (\S+): no type matching {None}\|INT could be instantiated from \[(.+?)\]\..*",
        r"\1 is \2; it must be a whole number",
    ),
    (
        r"Error parsing (\S+): no type matching {None}\|FLOAT could be instantiated from \[(.+?)\]\..*",
        r"\1 is \2; it must be a number",
    ),
)
"""What Python says of numbers, and what is meant."""


def in_a_line(parse: Callable[[], Parsed], *, prog: str, words: Iterable[str]) -> Parsed:
    """What `parse` gives.

    Args:
        parse: Calls tyro.
        prog: The command, for messages.
        words: The names of options, as on the command line, and of subcommands.

    Raises:
        ValueError: For the first mistake that tyro found.
    """
    said = StringIO()
    try:
        with redirect_stderr(said):
            return parse()
    except SystemExit as stop:
        if not stop.code:  # It was asked for help.
            raise
        command = prog.removeprefix("rescene").strip() or "command"
        raise ValueError(f"{_reason(said.getvalue(), command, list(words))} (see {prog} --help)") from None


def _reason(box: str, command: str, words: list[str]) -> str:
    lines = [line.strip("│").rstrip() for line in box.splitlines() if line.startswith("│")]
    sections = [part.strip("\n") for part in re.split(r"\n *─+ *\n", "\n".join(lines))]
    for section in sections:
        if section.split(":")[0].strip().startswith("Unrecognized"):
            given = section.partition(":")[2].split()
            return unknown_method(given[0] if given else "option", words, where=command)
    missing = [section for section in sections if section.lstrip().startswith("Missing from")]
    if missing:
        names = re.findall(r"^ {5}(\S+)", missing[0], re.MULTILINE)
        return f"{command} lacks {', '.join(names)}"
    text = " ".join(sections[0].split()) if sections else "the line can't be read"
    for said, meant in _NUMBERS:
        text = re.sub(said, meant, text)
    return f"{command}: {text}".rstrip(".")
