"""Files of adapters: weights by the names of the network's modules, and what they say of themselves."""

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from ...fields import decode
from ..tensors import read_about, write_tensors

NO_ADAPTER = "{} isn't an adapter: those come from `rescene train one-shot` or `rescene convert`"


@dataclass(frozen=True, kw_only=True)
class AdapterHeader:
    """What an adapter's file says of itself."""

    prompt: str
    """That it was tuned on."""
    frame_keys: tuple[str | int, ...]
    """Which frames each frame attends to, as in `FrameKeys`."""
    frames: int
    """Length of the clip."""
    fps: float
    height: int
    width: int
    steps: int = 0
    """How long it was tuned."""
    base: str | None = None
    """SHA-256 of the network that it was tuned from, see `parts.network_hash`; None if nobody knows."""


@dataclass(frozen=True, eq=False)
class AdapterFile:
    """An adapter's file whose header was read."""

    path: Path
    about: AdapterHeader
    shapes: Mapping[str, tuple[int, ...]]
    """Of the weights, by name."""
    tensors: Mapping[str, Tensor]
    """The weights; each is read when it is asked for, while the file is open."""


class Tensors(Mapping[str, Tensor]):
    """The tensors of an open file by name, read when they are asked for."""

    def __init__(self, file: Any):
        self._file, self._names = file, tuple(file.keys())

    def __getitem__(self, name: str) -> Tensor:
        return self._file.get_tensor(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@contextmanager
def opened(path: Path) -> Generator[AdapterFile]:
    """A block in which an adapter's file is open; its header is read once.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it isn't an adapter.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no adapter {path}; `rescene train one-shot` makes one")
    try:
        file = safe_open(path, framework="pt")
    except SafetensorError as error:
        raise ValueError(NO_ADAPTER.format(path)) from error
    with file as tensors:
        try:
            values = read_about((tensors.metadata() or {})["one-shot"], path)
            about = decode(AdapterHeader, values, name=str(path))
        except (KeyError, ValueError) as error:
            raise ValueError(NO_ADAPTER.format(path)) from error
        found = Tensors(tensors)
        shapes = {name: tuple(tensors.get_slice(name).get_shape()) for name in found}
        if not shapes or not all(all(shape) for shape in shapes.values()):
            raise ValueError(f"{path} is damaged: it holds no weights, or empty ones; make it again")
        yield AdapterFile(path, about, shapes, found)


def read_header(path: Path) -> AdapterHeader:
    """What an adapter's file says of itself.

    Raises:
        FileNotFoundError, ValueError: As `opened`.
    """
    with opened(path) as file:
        return file.about


def write(path: Path, tensors: Mapping[str, Tensor], about: AdapterHeader) -> None:
    """Writes an adapter's file in one go."""
    write_tensors(path, tensors, {"one-shot": json.dumps(asdict(about))})
