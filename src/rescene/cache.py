"""Keeps tensors that are slow to compute between runs, by the content of everything that they depend on.

A cache must never be what a run fails of: a damaged entry is computed again, and what can't be kept is used.
"""

import hashlib
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

import torch
from filelock import FileLock, Timeout
from platformdirs import user_cache_path
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

MOST_BYTES = 4 * 10**9
"""The oldest files go when the cache grows beyond this."""
_HASH = "sha256"
"""The tensor of an entry that holds the hash of the other."""
_ABANDONED = 600
"""Seconds after which a half-written file is one of a process that was killed."""


def folder() -> Path:
    """Where cached files are: `$RESCENE_CACHE`, or the user's cache folder."""
    return Path(os.environ.get("RESCENE_CACHE") or user_cache_path("rescene"))


def content_hash(tensor: Tensor) -> str:
    """SHA-256 of a tensor's values, shape and type."""
    digest = hashlib.sha256(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
    digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def cached(key: Mapping[str, object], compute: Callable[[], Tensor]) -> Tensor:
    """Returns what `compute` gave for the same `key` before, or computes and keeps it.

    A process that needs what another one is computing waits for it.

    Args:
        key: All that the result depends on, as JSON values.
        compute: Makes the tensor, once. It may ask for other entries, as long as none needs this one.
    """
    return _cached(folder() / f"{_name(key)}.safetensors", compute)


def is_cached(key: Mapping[str, object]) -> bool:
    """Whether `cached` would find something."""
    return (folder() / f"{_name(key)}.safetensors").is_file()


@contextmanager
def claimed(path: Path) -> Iterator[None]:
    """A block that one run at a time enters for a result, wherever its file is.

    Raises:
        FileExistsError: If another run is in such a block for the same path.
    """
    lock = FileLock(folder() / f"{_name({'result': os.path.realpath(path)})}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise FileExistsError(f"another run is making {path}; wait for it, or choose another name") from error
    except OSError:  # Without a place for locks, who comes second is told at the end.
        pass
    try:
        yield
    finally:
        if lock.is_locked:
            _remove(Path(lock.lock_file))
            lock.release()


class Unfinished:
    """What a run has finished, kept until all of it is: a run that was stopped can go on.

    Args:
        run: All that its results depend on, as JSON values.
        resume: Whether to go on from what a stopped run has left; without it that is forgotten.
    """

    def __init__(self, run: Mapping[str, object], *, resume: bool):
        self._run = _name(run)
        if not resume:
            self.forget()

    def cached(self, name: str, compute: Callable[[], Tensor]) -> Tensor:
        """Returns what was finished under a name, or finishes it now."""
        return _cached(folder() / f"{self._run}-{name}.safetensors", compute)

    def __len__(self) -> int:
        return len(self._files())

    def forget(self) -> None:
        """Removes what was kept."""
        for file in self._files():
            _remove(file)

    def _files(self) -> list[Path]:
        return list(folder().glob(f"{self._run}-*.safetensors"))


def _name(key: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def _digest(value: Tensor) -> Tensor:
    return torch.tensor(list(bytes.fromhex(content_hash(value))), dtype=torch.uint8)


def _cached(path: Path, compute: Callable[[], Tensor]) -> Tensor:
    if (value := _kept(path)) is not None:
        return value
    with _alone(path):
        if (value := _kept(path)) is None:  # It may have come while this process waited.
            value = compute()
            _keep(value, path)
    _forget_oldest(path.parent)
    return value


def _kept(path: Path) -> Tensor | None:
    """The value of an entry; None if there is none, or it isn't what was kept."""
    try:
        entry = load_file(path)
        # A copy starts at an even address, as when computed: how products round depends on that.
        value, noted = entry["value"].clone(), entry[_HASH]
    except (OSError, SafetensorError, KeyError):  # Another run may also remove the file at any moment.
        return None
    if not torch.equal(noted, _digest(value)):
        return None
    with suppress(OSError):
        os.utime(path)
    return value


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """A block that one process at a time enters for an entry.

    The system lets go of a lock when its process ends, however it ends. Every entry has a lock for itself,
    so that one entry can be computed within another.
    """
    lock = path.with_suffix(".lock")
    with ExitStack() as stack:
        with suppress(OSError):  # Where nothing can be written, each computes for itself.
            stack.enter_context(FileLock(lock))
            # Who waits for this file notices that it is gone, and makes the next one.
            stack.callback(_remove, lock)
        yield


def _keep(value: Tensor, path: Path) -> None:
    """Writes a file in one go, so that a run stopped in the middle leaves nothing half-written behind."""
    if not value.isfinite().all():
        return
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False)  # noqa: SIM115
        temporary.close()
        save_file({"value": value.cpu().contiguous(), _HASH: _digest(value)}, temporary.name)
        with open(temporary.name, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary.name, path)
    except (OSError, SafetensorError) as error:
        warnings.warn(
            f"{path.parent} can't keep what was computed ({error}); RESCENE_CACHE names another", stacklevel=2
        )
    finally:
        if temporary is not None:
            _remove(Path(temporary.name))


def _forget_oldest(where: Path) -> None:
    """Removes entries beyond the limit, and what processes that were killed have left."""
    found: list[tuple[float, int, Path]] = []
    for file in where.glob("*.safetensors"):
        with suppress(OSError):
            found.append((file.stat().st_mtime, file.stat().st_size, file))
    total = 0
    for _, size, file in sorted(found, reverse=True):
        total += size
        if total > MOST_BYTES:
            _remove(file)
    for part in where.glob("*.part"):
        with suppress(OSError):
            if part.stat().st_mtime < time.time() - _ABANDONED:
                _remove(part)
    for lock in where.glob("*.lock"):
        with suppress(OSError), FileLock(lock, blocking=False):  # One that is held raises a `Timeout`.
            _remove(lock)


def _remove(file: Path) -> None:
    """Removes a file, unless it is gone or may not be; on Windows, a lock goes when it is released."""
    with suppress(OSError):
        file.unlink()
