"""Where the source's attention comes from at each step: computed again, kept in RAM, or kept on disk.

A method asks `store.load(step)` between steps, never from inside a layer. All three answers are equal: a
replay runs the very forward pass that the inversion ran, on the latents that it saved.
"""

# safetensors doesn't say what its paths are made of.
# pyright: reportUnknownVariableType=false

import errno
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol, runtime_checkable

import torch
from safetensors.torch import load_file, save_file

from ...attention import Attention
from . import Place

Replay = Callable[[int], Attention]


@runtime_checkable
class SourceStore(Protocol):
    """The source's attention by step index."""

    keeps: bool
    """Whether it is worth recording attention for `save`."""

    def save(self, step: int, attention: Attention, /) -> None:
        """Keeps one step's queries and keys, or drops them if they can be computed again."""
        ...

    def load(self, step: int, /) -> Attention:
        """Returns one step's queries and keys."""
        ...


class Recompute:
    """Keeps nothing: runs the network again on the source's latents. Memory doesn't grow with the steps."""

    keeps = False

    def __init__(self, replay: Replay):
        self.load = replay

    def save(self, step: int, attention: Attention) -> None:
        """Drops them."""


class RAM:
    """Keeps every step in the main memory."""

    keeps = True

    def __init__(self, replay: Replay):
        self._replay, self._kept = replay, dict[int, tuple[Attention, dict[str, torch.device]]]()

    def save(self, step: int, attention: Attention) -> None:
        """Moves them off the accelerator."""
        devices = {name: tensor.device for name, tensor in attention.items()}
        self._kept[step] = {name: tensor.cpu() for name, tensor in attention.items()}, devices

    def load(self, step: int) -> Attention:
        """Returns them to the device that they came from."""
        if step not in self._kept:
            self.save(step, self._replay(step))
        kept, devices = self._kept[step]
        return {name: tensor.to(devices[name]) for name, tensor in kept.items()}


class Disk:
    """Keeps every step in a file of its own."""

    keeps = True

    def __init__(self, replay: Replay, folder: Path, steps: int):
        self._replay, self._folder, self._steps, self._device = replay, folder, steps, "cpu"

    def save(self, step: int, attention: Attention) -> None:
        """Writes one file.

        Raises:
            OSError: If the disk has no room for it and for the steps to come.
        """
        self._check_space(sum(tensor.nbytes for tensor in attention.values()))
        self._device = str(next(iter(attention.values())).device)
        save_file({name: tensor.contiguous() for name, tensor in attention.items()}, self._file(step))

    def _check_space(self, step_size: int) -> None:
        needed = step_size * (self._steps - len(list(self._folder.iterdir())))
        free = shutil.disk_usage(self._folder).free
        if needed > free:
            raise OSError(
                errno.ENOSPC,
                f"the source's attention needs {needed / 1e6:.0f} MB and {self._folder} has "
                f"{free / 1e6:.0f} MB left; free some space, point TMPDIR elsewhere, or use the store "
                "'recompute'",
            )

    def load(self, step: int) -> Attention:
        """Reads one file."""
        if not self._file(step).exists():
            self.save(step, self._replay(step))
        kept = load_file(self._file(step), device=self._device)
        # A file's tensors lie at odd addresses, and how products round depends on that.
        return {name: tensor.clone() for name, tensor in kept.items()}

    def _file(self, step: int) -> Path:
        return self._folder / f"{step:04d}.safetensors"


@contextmanager
def open_store(place: Place, replay: Replay, steps: int) -> Generator[SourceStore]:
    """Opens a store for one edit of `steps` steps.

    Its files are gone when the block ends, also on errors and Ctrl-C.
    """
    match place:
        case "recompute":
            yield Recompute(replay)
        case "ram":
            yield RAM(replay)
        case "disk":
            with TemporaryDirectory(prefix="rescene-") as folder:
                yield Disk(replay, Path(folder), steps)
