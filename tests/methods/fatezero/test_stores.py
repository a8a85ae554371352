"""Three places to keep the source's attention, with one answer."""

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from rescene.attention import Attention
from rescene.methods.fatezero import Place
from rescene.methods.fatezero.stores import open_store

PLACES: tuple[Place, ...] = ("recompute", "ram", "disk")


def attention(step: int) -> Attention:
    q = torch.full((2, 1, 4, 3), float(step))
    return {"a.q": q, "a.k": q.transpose(1, 2) + 1, "heat": q[0] + 2}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def disk_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Pretends that the disk has so many bytes left."""

    def pretend(free: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))

    return pretend


@pytest.mark.parametrize("place", PLACES)
def test_what_is_loaded_is_what_was_saved_bit_for_bit(place: Place, temporary: Path) -> None:
    with open_store(place, attention, steps=3) as store:
        for step in (2, 1, 0):
            store.save(step, attention(step))
        for step in (0, 2, 1, 1):
            loaded = store.load(step)
            assert loaded.keys() == attention(step).keys()
            assert all(torch.equal(loaded[name], tensor) for name, tensor in attention(step).items())


@pytest.mark.parametrize("place", PLACES)
def test_a_step_that_was_not_saved_is_computed_and_kept_where_there_is_a_place_for_it(
    place: Place, temporary: Path
) -> None:
    replayed: list[int] = []

    def replay(step: int) -> Attention:
        replayed.append(step)
        return attention(step)

    with open_store(place, replay, steps=3) as store:
        for _ in range(2):
            assert torch.equal(store.load(1)["a.k"], attention(1)["a.k"])
        assert replayed == ([1] if store.keeps else [1, 1])


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt])
def test_no_file_is_left(temporary: Path, error: type[BaseException] | None) -> None:
    try:
        with open_store("disk", attention, steps=2) as store:
            store.save(0, attention(0))
            assert len(list(temporary.rglob("*.safetensors"))) == 1
            if error:
                raise error
    except BaseException as caught:
        assert error and type(caught) is error
    assert list(temporary.iterdir()) == []


def test_a_full_disk_is_an_error_before_anything_is_written(
    temporary: Path, disk_of: Callable[[int], None]
) -> None:
    size = sum(tensor.nbytes for tensor in attention(0).values())
    with open_store("disk", attention, steps=10) as store:
        disk_of(10 * size - 1)
        with pytest.raises(OSError, match=r"TMPDIR.*'recompute'") as caught:
            store.save(0, attention(0))
        assert caught.value.errno == errno.ENOSPC
        assert not list(temporary.rglob("*.safetensors"))


def test_space_is_asked_for_what_is_still_to_come(temporary: Path, disk_of: Callable[[int], None]) -> None:
    size = sum(tensor.nbytes for tensor in attention(0).values())
    with open_store("disk", attention, steps=3) as store:
        for step, left in ((0, 3), (1, 2), (2, 1)):
            disk_of(left * size)
            store.save(step, attention(step))
