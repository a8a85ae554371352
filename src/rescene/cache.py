"""Keeps tensors that are slow to compute between runs, by the content of everything that they depend on."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

import torch
from filelock import FileLock
from platformdirs import user_cache_path
from safetensors.torch import load_file, save_file
from torch import Tensor

MOST_BYTES = 4 * 10**9
"""The oldest files go when the cache grows beyond this."""


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
    return (folder() / f"{_name(key)}.safetensors").exists()


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
            file.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return list(folder().glob(f"{self._run}-*.safetensors"))


def _name(key: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


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
    with suppress(FileNotFoundError):  # Another run may remove the file at any moment.
        os.utime(path)
        # A copy starts at an even address, as when computed: how products round depends on that.
        return load_file(path)["value"].clone()
    return None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """A block that one process at a time enters for an entry.

    The system lets go of a lock when its process ends, however it ends. Every entry has a lock for itself,
    so that one entry can be computed within another.
    """
    lock = path.with_suffix(".lock")
    with FileLock(lock):
        try:
            yield
        finally:
            # Who waits for this file notices that it is gone, and makes the next one.
            _remove(lock)


def _keep(value: Tensor, path: Path) -> None:
    """Writes a file in one go, so that a run stopped in the middle leaves nothing half-written behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False)  # noqa: SIM115
    temporary.close()
    try:
        save_file({"value": value.cpu().contiguous()}, temporary.name)
        os.replace(temporary.name, path)
    finally:
        Path(temporary.name).unlink(missing_ok=True)


def _forget_oldest(where: Path) -> None:
    """Removes entries beyond the limit, and the locks of processes that were killed."""
    found: list[tuple[float, int, Path]] = []
    for file in where.glob("*.safetensors"):
        with suppress(FileNotFoundError):
            found.append((file.stat().st_mtime, file.stat().st_size, file))
    total = 0
    for _, size, file in sorted(found, reverse=True):
        total += size
        if total > MOST_BYTES:
            _remove(file)
    for lock in where.glob("*.lock"):
        with suppress(OSError), FileLock(lock, blocking=False):  # One that is held raises a `Timeout`.
            _remove(lock)


def _remove(file: Path) -> None:
    """Removes a file, unless it is gone, or is open on Windows: a lock goes there when it is released."""
    with suppress(FileNotFoundError, PermissionError):
        file.unlink()
