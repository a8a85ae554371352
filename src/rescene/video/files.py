"""Results appear whole or not at all: written beside their place, then renamed into it."""

import errno
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_FRAME = re.compile(r"\d{5,}\.png")
_LONGEST_NAME = 255
"""Bytes that file systems take for a name."""
_TOKEN = 4
"""Random bytes in the name of a temporary file."""
_YOUNG = 2
"""Seconds for which a temporary file may be without its lock yet."""


class DiskFullError(OSError):
    """There is no room for a result."""


def check_target(path: Path, *, folder: bool, overwrite: bool) -> None:
    """Fails early where `replacing` would fail late.

    Raises:
        ValueError: if no file can have that name.
        FileExistsError: if there is something at `path` that may not be replaced.
        PermissionError: if nothing can be written there.
    """
    if path.is_dir() and not folder:
        raise FileExistsError(f"{path} is a folder; choose another name for the result")
    _check_place(path)
    if not os.path.lexists(path) or (path.is_dir() and not any(path.iterdir())):
        return
    if folder and not path.is_dir():
        raise FileExistsError(f"{path} is a file, not a folder; choose another name for the result")
    if not overwrite:
        raise FileExistsError(f"{path} exists already; choose another name, or replace it with --overwrite")
    if not folder and not path.is_file() and path.exists():
        raise FileExistsError(f"{path} is a device or a pipe, not a file; choose another name for the result")
    if folder and (foreign := [file.name for file in path.iterdir() if not _FRAME.fullmatch(file.name)]):
        raise FileExistsError(
            f"{path} holds more than frames ({foreign[0]}), so it is not replaced; choose another folder"
        )


def refuse_inputs(targets: Iterable[Path], inputs: Sequence[Path]) -> None:
    """Fails if a file to be written is one that is read, by whatever name, or a folder that one is in.

    Raises:
        FileExistsError: Whether or not existing files may be replaced.
    """
    for target in targets:
        place = os.path.realpath(target)
        for file in inputs:
            read = os.path.realpath(file)
            if place == read or read.startswith(place + os.sep) or _same(place, read):
                raise FileExistsError(
                    f"{target} would replace {file}, which it is made of; choose another name"
                )


@contextmanager
def replacing(path: Path, *, folder: bool, room: int, new: bool = False) -> Iterator[Path]:
    """A temporary path that becomes `path` at the end of the block, and vanishes if the block fails.

    Args:
        path: where the result goes; missing parent folders are made.
        folder: make a folder rather than leave a file to be made.
        room: bytes that must be free on the disk before anything is written.
        new: fail rather than replace what came to be there in the meantime.

    Raises:
        DiskFullError: if the disk is full, at the beginning or on the way.
        FileExistsError: if another run was faster and `new` is set.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    check_room(path, room)
    _clean(path)
    temporary = temporary_name(path)
    try:
        with _held(temporary, folder=folder):
            yield temporary
            if not folder:
                _sync(temporary)
            _move(temporary, path, new=new)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFullError(_no_room(path, "it filled up while writing")) from error
        raise
    finally:
        remove(temporary)


def check_room(path: Path, room: int) -> None:
    """Raises DiskFullError unless so many bytes are free where `path` goes."""
    free = shutil.disk_usage(_existing(path)).free
    if free < room:
        raise DiskFullError(_no_room(path, f"{free >> 20} MB are free and about {room >> 20} MB are needed"))


def temporary_name(path: Path, where: Path | None = None) -> Path:
    """A hidden name beside `path`, or in the folder `where`, short enough where `path` itself is."""
    most = _LONGEST_NAME - 2 * _TOKEN - 20 - len(os.fsencode(path.suffix))
    stem = os.fsdecode(os.fsencode(path.stem)[: max(most, 1)])
    name = f".{stem}-{secrets.token_hex(_TOKEN)}{path.suffix}"
    # Absolute, so that FFmpeg takes no name with a colon for an address.
    return (where or path.parent).absolute() / name


def rehearsal_name(path: Path) -> Path:
    """A temporary name in the nearest folder that exists, to try a writer before `path` is due."""
    return temporary_name(path, _existing(path))


def remove(path: Path) -> None:
    """Deletes a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _check_place(path: Path) -> None:
    if not path.name or "\0" in str(path):
        raise ValueError(f"{str(path)!r} is no name for a result; give one such as out.mp4")
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in path.parts):
        raise ValueError(f"{str(path)[:60]}... is too long: a name has at most {_LONGEST_NAME} bytes")
    place = _existing(path)
    probe = temporary_name(path, place)
    try:  # Permissions don't tell: to whom all is allowed, /proc seems writable.
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise PermissionError(
            f"{place} can't be written to ({error.strerror}); choose another place for the result"
        ) from error


def _existing(path: Path) -> Path:
    return next(folder for folder in path.absolute().parents if folder.exists())


def _same(one: str, other: str) -> bool:
    """Whether two names are of one file, by hard links for example."""
    with suppress(OSError):
        return os.path.samefile(one, other)
    return False


def _no_room(path: Path, why: str) -> str:
    return f"no room on the disk for {path}: {why}; make room, or choose another disk"


def _move(temporary: Path, path: Path, *, new: bool) -> None:
    if new:
        _move_to_free(temporary, path)
    elif not path.is_dir():
        os.replace(temporary, path)
    else:
        # Only an empty folder can be replaced by rename: step aside first, so that one of both is there.
        aside = temporary.with_name(temporary.name + "-old")
        path.rename(aside)
        temporary.rename(path)
        remove(aside)


def _move_to_free(temporary: Path, path: Path) -> None:
    """Moves to a name that nobody has; who comes second is told."""
    taken = FileExistsError(f"{path} was written by another run in the meantime; choose another name")
    if temporary.is_dir():
        try:
            temporary.rename(path)  # This replaces an empty folder and no other.
        except OSError as error:
            raise taken from error
        return
    try:
        os.link(temporary, path)
    except FileExistsError as error:
        raise taken from error
    except OSError as error:  # A file system without links: the gap is as small as it can be.
        if os.path.lexists(path):
            raise taken from error
        os.replace(temporary, path)


def _sync(path: Path) -> None:
    """Puts a file on the disk, so that no name is ever that of an empty one."""
    with suppress(FileNotFoundError), path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def _held(temporary: Path, *, folder: bool) -> Iterator[None]:
    """A block in which a temporary file is ours: the system lets go of the lock however the process ends."""
    if folder:
        temporary.mkdir()
    else:
        temporary.touch()
    lock = _lock(temporary)
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


def _lock(path: Path) -> int | None:
    """An open file with a lock on it; None if another process has it, or there are no locks here."""
    if sys.platform == "win32":
        return None
    with suppress(OSError):
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(opened)
            return None
        return opened
    return None


def _clean(path: Path) -> None:
    """Removes what killed runs left beside `path`: their locks are gone."""
    stem = re.escape(temporary_name(path).stem.rpartition("-")[0])
    left = re.compile(rf"({stem}-[0-9a-f]{{{2 * _TOKEN}}})(\..*)?(-old)?")
    groups: dict[str, list[Path]] = {}
    with suppress(OSError):
        for file in path.absolute().parent.iterdir():
            old = file.lstat().st_mtime < time.time() - _YOUNG
            if old and (match := left.fullmatch(file.name)):
                groups.setdefault(match[1], []).append(file)
    for files in groups.values():
        locks = [_lock(file) for file in files]
        if None not in locks and (path.exists() or not any(file.name.endswith("-old") for file in files)):
            for file in files:
                with suppress(OSError):
                    remove(file)
        for lock in filter(None, locks):
            os.close(lock)
