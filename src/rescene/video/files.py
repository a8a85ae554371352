"""Results appear whole or not at all: written beside their place, then renamed into it."""

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FRAME = re.compile(r"\d{5,}\.png")


class DiskFullError(OSError):
    """There is no room for a result."""


def check_target(path: Path, *, folder: bool, overwrite: bool) -> None:
    """Fails early where `replacing` would fail late.

    Raises:
        FileExistsError: if there is something at `path` that may not be replaced.
    """
    if path.is_dir() and not folder:
        raise FileExistsError(f"{path} is a folder; choose another name for the result")
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if folder and not path.is_dir():
        raise FileExistsError(f"{path} is a file, not a folder; choose another name for the result")
    if not overwrite:
        raise FileExistsError(f"{path} exists already; choose another name, or replace it with --overwrite")
    if folder and (foreign := [file.name for file in path.iterdir() if not _FRAME.fullmatch(file.name)]):
        raise FileExistsError(
            f"{path} holds more than frames ({foreign[0]}), so it is not replaced; choose another folder"
        )


@contextmanager
def replacing(path: Path, *, folder: bool, room: int) -> Iterator[Path]:
    """A temporary path that becomes `path` at the end of the block, and vanishes if the block fails.

    Args:
        path: where the result goes; missing parent folders are made.
        folder: make a folder rather than leave a file to be made.
        room: bytes that must be free on the disk before anything is written.

    Raises:
        DiskFullError: if the disk is full, at the beginning or on the way.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(path.parent).free
    if free < room:
        raise DiskFullError(_no_room(path, f"{free >> 20} MB are free and about {room >> 20} MB are needed"))
    # Absolute, so that FFmpeg takes no name with a colon for an address.
    temporary = path.absolute().with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    try:
        if folder:
            temporary.mkdir()
        yield temporary
        _move(temporary, path)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFullError(_no_room(path, "it filled up while writing")) from error
        raise
    finally:
        _remove(temporary)


def _no_room(path: Path, why: str) -> str:
    return f"no room on the disk for {path}: {why}; make room, or choose another disk"


def _move(temporary: Path, path: Path) -> None:
    if not path.is_dir():
        os.replace(temporary, path)
        return
    # A folder can only be replaced by rename if it is empty: step aside first, so that one of both is there.
    aside = temporary.with_name(temporary.name + "-old")
    path.rename(aside)
    temporary.rename(path)
    _remove(aside)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
