"""Finds the command, and turns what goes wrong into one line and an exit status.

0 done · 1 a bug, with its traceback · 2 wrong input · 130 stopped by Ctrl-C · 143 stopped by SIGTERM.
"""

import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import Any

import tyro

from ..fields import unknown
from .lines import in_a_line

COMMANDS = {
    "edit": "Edit a video.",
    "propagate": "Carry an edited first frame through the whole video.",
    "generate": "Make a video from a prompt.",
    "mask": "Make a mask, to look at and to give to an edit.",
    "control": "Draw a video's edges, depth or poses.",
    "methods": "List and explain the methods.",
    "models": "List the models that have short names.",
    "plan": "Tell what a run would cost, without computing.",
    "show": "Print the settings that made a result.",
    "redo": "Make a result again from its settings.",
    "train": "Tune a model to a video.",
    "convert": "Make an adapter of a folder that Tune-A-Video or FateZero saved.",
    "evaluate": "Measure results against their sources.",
    "compare": "Make a page that shows results side by side.",
    "bench": "Run methods over many edits and measure them.",
    "app": "Open a page in the browser.",
    "env": "Print versions and devices, for bug reports.",
    "demo": "Edit a clip that comes with rescene.",
}
"""Each is a module of this package with a `main`, imported when it is called, so that help is instant."""
ABOUT = "Edit video with pretrained diffusion models."
PACKAGE = str(Path(__file__).parents[1])
WRONG_INPUT, INTERRUPTED, TERMINATED = 2, 130, 143


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    _silence_libraries()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # Names of files may be bytes that are no text.
            stream.reconfigure(errors="backslashreplace")
    try:
        with _terminable(), _plain_warnings():
            _command(arguments)()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except KeyboardInterrupt:
        _complain("interrupted; nothing half-written was left")
        return INTERRUPTED
    except BrokenPipeError:  # Whoever read our output has seen enough, as in `rescene show FILE | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, FloatingPointError, OSError, MemoryError, RuntimeError) as error:
        if (remedy := _explained(error)) is None:
            raise
        _complain(remedy)
        return WRONG_INPUT
    return 0


def choose(arguments: Sequence[str], commands: Mapping[str, str], *, prog: str, about: str) -> str:
    """The command that a line begins with; where help is asked for, tyro gives it and it ends.

    Raises:
        ValueError: If there is none, or an unknown one.
    """
    if arguments and arguments[0] in commands:
        return arguments[0]
    if arguments and not arguments[0].startswith("-"):
        name = prog.removeprefix("rescene").strip() or "command"
        raise ValueError(f"{unknown(arguments[0], commands, name=name)} (see {prog} --help)")

    def stub(text: str) -> Callable[[], None]:
        def nothing() -> None: ...

        nothing.__doc__ = text
        return nothing

    in_a_line(
        lambda: tyro.extras.subcommand_cli_from_dict(
            {name: stub(text) for name, text in commands.items()},
            prog=prog,
            description=f"{about} `{prog} COMMAND --help` tells more.",
            args=arguments,
        ),
        prog=prog,
        words=commands,
    )
    raise AssertionError("tyro ends the program where there is no command")


def _command(arguments: Sequence[str]) -> Callable[[], None]:
    command = choose(arguments, COMMANDS, prog="rescene", about=ABOUT)
    run = import_module(f".{command}", __package__).main
    return lambda: run(arguments[1:])


def _explained(error: Exception) -> str | None:
    """What to tell about an error that is the user's or the machine's; None for a bug of ours."""
    text = " ".join(str(error).split())
    if isinstance(error, OSError):
        return text if error.filename is None or not error.strerror else f"{error.filename}: {error.strerror}"
    full = isinstance(error, RuntimeError) and "can't allocate memory" in text
    if full or isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return f"out of memory ({text}); try fewer --frames, a smaller --size, --offload, or --dtype float16"
    if isinstance(error, ValueError | FloatingPointError) and _raised_here(error):
        return text
    return None


def _raised_here(error: Exception) -> bool:
    """Whether rescene itself raised an error, rather than a library that it called."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and frames[-1].filename.startswith(PACKAGE)


def _complain(text: str) -> None:
    print(f"rescene: {text}", file=sys.stderr)


@contextmanager
def _terminable() -> Iterator[None]:
    """A block in which SIGTERM raises, so that what is half-done is undone as on Ctrl-C."""

    def stop(number: int, frame: FrameType | None) -> Any:
        raise SystemExit(TERMINATED)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """A block in which warnings are lines for people, each once, without the place in the code."""
    shown: set[str] = set()

    def show(message: Warning | str, *_: Any) -> None:
        if str(message) not in shown:
            shown.add(str(message))
            _complain(f"warning: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _silence_libraries() -> None:
    """Keeps the bars and warnings with which libraries load models off the terminal."""
    for name in ("TRANSFORMERS_VERBOSITY", "DIFFUSERS_VERBOSITY"):
        os.environ.setdefault(name, "error")
