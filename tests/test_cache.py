"""Results kept between runs."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from rescene import cache


class Computation:
    """Counts how often it is run."""

    def __init__(self, value: float = 1.0):
        self.value, self.runs = torch.full((2, 3), value), 0

    def __call__(self) -> Tensor:
        self.runs += 1
        return self.value


def test_the_same_key_is_computed_once(cache_folder: Path) -> None:
    compute = Computation()
    for key in ({"a": 1, "b": [2]}, {"b": [2], "a": 1}):
        assert torch.equal(cache.cached(key, compute), compute.value)
    assert compute.runs == 1
    assert len(list(cache_folder.iterdir())) == 1


def test_it_tells_what_is_there(cache_folder: Path) -> None:
    assert not cache.is_cached({"a": 1})
    cache.cached({"a": 1}, Computation())
    assert cache.is_cached({"a": 1})
    assert not cache.is_cached({"a": 2})


def test_other_keys_have_results_of_their_own(cache_folder: Path) -> None:
    for number in range(3):
        assert cache.cached({"a": number}, Computation(number))[0, 0] == number
    assert cache.cached({"a": 1}, Computation(9))[0, 0] == 1


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_stopped_computation_leaves_nothing(cache_folder: Path, error: type[BaseException]) -> None:
    def stop() -> Tensor:
        raise error

    with pytest.raises(error):
        cache.cached({"a": 1}, stop)
    assert cache.cached({"a": 1}, Computation(3))[0, 0] == 3


def test_a_stopped_write_leaves_nothing(cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(tensors: dict[str, Tensor], path: str) -> None:
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(cache, "save_file", stop)
    with pytest.raises(KeyboardInterrupt):
        cache.cached({"a": 1}, Computation())
    assert list(cache_folder.iterdir()) == []


def test_the_files_that_were_used_longest_ago_go_first(
    cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        cache.cached({"a": number}, Computation(number))
        newest = max(cache_folder.iterdir(), key=lambda file: file.stat().st_mtime)
        os.utime(newest, (1000 + number, 1000 + number))
    cache.cached({"a": 0}, Computation())  # Used again: now the newest.
    size = next(cache_folder.iterdir()).stat().st_size
    monkeypatch.setattr(cache, "MOST_BYTES", 3 * size)
    cache.cached({"a": 3}, Computation(3))
    again = {number: Computation(number) for number in (0, 2, 3, 1)}
    for number, compute in again.items():
        cache.cached({"a": number}, compute)
    assert [number for number, compute in again.items() if compute.runs] == [1]


def test_a_file_that_another_run_has_removed_meanwhile_does_no_harm(
    cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.cached({"a": 1}, Computation())
    load = cache.load_file

    def gone(path: Path) -> dict[str, Tensor]:
        path.unlink()
        return load(path)

    monkeypatch.setattr(cache, "load_file", gone)
    compute = Computation()
    assert torch.equal(cache.cached({"a": 1}, compute), compute.value)


def test_content_tells_tensors_apart_by_value_and_not_by_layout() -> None:
    x = torch.arange(6.0).view(2, 3)
    assert cache.content_hash(x) == cache.content_hash(x.T.contiguous().T)
    assert cache.content_hash(x) != cache.content_hash(x + 1e-6)


def test_content_tells_shapes_and_types_apart_and_takes_half_precision() -> None:
    x = torch.zeros(2, 3)
    assert len({cache.content_hash(t) for t in (x, x.T, x.bfloat16(), x.half())}) == 4


def test_the_users_folder_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RESCENE_CACHE")
    assert "rescene" in cache.folder().parts[-2:]


def test_a_run_that_is_resumed_finds_what_it_finished_and_no_other_does(cache_folder: Path) -> None:
    compute = Computation()
    run = cache.Unfinished({"a": 1}, resume=False)
    run.cached("0", compute)
    resumed = cache.Unfinished({"a": 1}, resume=True)
    assert torch.equal(resumed.cached("0", compute), compute.value)
    assert (compute.runs, len(resumed), len(cache.Unfinished({"a": 2}, resume=True))) == (1, 1, 0)
    resumed.cached("1", compute)
    assert (compute.runs, len(run)) == (2, 2)


def test_a_run_that_begins_anew_or_is_done_leaves_nothing(cache_folder: Path) -> None:
    cache.cached({"a": 1}, Computation())
    cache.Unfinished({"a": 1}, resume=False).cached("0", Computation())
    run = cache.Unfinished({"a": 1}, resume=False)
    assert len(run) == 0
    run.cached("0", Computation())
    run.forget()
    assert len(list(cache_folder.iterdir())) == 1


PROGRAM = """
import sys, torch
from filelock import FileLock, Timeout
from rescene import cache

def told(path):
    try:
        FileLock(path, blocking=False).acquire().lock.release()
    except Timeout:
        print("waits", flush=True)
    return FileLock(path)

def compute():
    print("computes", flush=True)
    sys.stdin.readline()
    return torch.tensor(float(sys.argv[1]))

cache.FileLock = told
print(cache.cached({"a": 1}, compute).item(), flush=True)
"""
"""Asks for an entry; says whether it computes it, until a line comes in, or waits for another process."""


class Process:
    """Runs the program."""

    def __init__(self, value: float) -> None:
        command = [sys.executable, "-c", PROGRAM, str(value)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def says(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def goes_on(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def kinds(folder: Path) -> list[str]:
    return sorted(file.suffix for file in folder.iterdir())


@pytest.fixture
def start() -> Iterator[Callable[[float], Process]]:
    """Starts processes that end with the test."""
    started: list[Process] = []

    def one(value: float) -> Process:
        started.append(Process(value))
        return started[-1]

    yield one
    for process in started:
        process.end()


def test_a_second_process_waits_and_reads(cache_folder: Path, start: Callable[[float], Process]) -> None:
    first = start(1)
    assert first.says() == "computes"
    second = start(2)
    assert second.says() == "waits"
    cache.cached({"a": 2}, Computation())  # Nor does a third entry take away the lock.
    assert kinds(cache_folder) == [".lock", ".safetensors"]
    assert not cache.is_cached({"a": 1})
    first.goes_on()
    assert (first.says(), second.says()) == ("1.0", "1.0")
    assert kinds(cache_folder) == [".safetensors"] * 2


def test_who_waited_for_a_process_that_was_killed_computes(
    cache_folder: Path, start: Callable[[float], Process]
) -> None:
    first = start(1)
    assert first.says() == "computes"
    second = start(2)
    assert second.says() == "waits"
    first.end()
    assert second.says() == "computes"
    second.goes_on()
    assert second.says() == "2.0"
    assert kinds(cache_folder) == [".safetensors"]


def test_the_lock_of_a_killed_process_goes_with_the_next_entry(
    cache_folder: Path, start: Callable[[float], Process]
) -> None:
    killed = start(1)
    assert killed.says() == "computes"
    killed.end()
    cache.cached({"a": 2}, Computation())
    assert kinds(cache_folder) == [".safetensors"]


def test_an_entry_may_need_another_one(cache_folder: Path) -> None:
    inner = Computation(2)
    run = cache.Unfinished({"a": 1}, resume=False)
    outer = run.cached("0", lambda: cache.cached({"a": 1}, lambda: 2 * cache.cached({"a": 2}, inner)))
    assert outer[0, 0] == 4
    assert cache.cached({"a": 2}, inner)[0, 0] == 2
    assert (inner.runs, len(list(cache_folder.iterdir()))) == (1, 3)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda entry: entry.write_bytes(b""),
    "cut": lambda entry: entry.write_bytes(entry.read_bytes()[:-5]),
    "a changed bit": lambda entry: entry.write_bytes(entry.read_bytes()[:-1] + b"\x7f"),
    "another shape": lambda entry: save_file({"value": torch.zeros(3)}, entry),
    "another type": lambda entry: save_file(
        {name: each.double() if name == "value" else each for name, each in load_file(entry).items()}, entry
    ),
    "NaN": lambda entry: save_file(load_file(entry) | {"value": torch.full((2, 3), torch.nan)}, entry),
    "text": lambda entry: entry.write_text("once upon a time"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_entry_is_computed_again_and_replaced(cache_folder: Path, damage: str) -> None:
    compute = Computation()
    cache.cached({"a": 1}, compute)
    (entry,) = cache_folder.glob("*.safetensors")
    DAMAGE[damage](entry)
    assert torch.equal(cache.cached({"a": 1}, compute), compute.value)
    assert compute.runs == 2
    assert torch.equal(cache.cached({"a": 1}, compute), compute.value)
    assert compute.runs == 2


def test_a_folder_in_the_place_of_an_entry_does_no_harm(cache_folder: Path) -> None:
    compute = Computation()
    cache.cached({"a": 1}, compute)
    (entry,) = cache_folder.glob("*.safetensors")
    entry.unlink()
    entry.mkdir()
    with pytest.warns(UserWarning, match="can't keep what was computed"):
        assert torch.equal(cache.cached({"a": 1}, compute), compute.value)
    assert [file.name for file in cache_folder.iterdir()] == [entry.name]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SafetensorError("disk full")])
def test_what_cannot_be_kept_is_used(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(cache, "save_file", full)
    compute = Computation()
    with pytest.warns(UserWarning, match="can't keep what was computed"):
        assert torch.equal(cache.cached({"a": 1}, compute), compute.value)


def test_a_cache_in_a_file_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("RESCENE_CACHE", str(tmp_path / "file" / "cache"))
    compute = Computation()
    with pytest.warns(UserWarning, match="can't keep what was computed"):
        assert torch.equal(cache.cached({"a": 1}, compute), compute.value)


def test_what_is_no_number_is_not_kept(cache_folder: Path) -> None:
    cache.cached({"a": 1}, lambda: torch.full((2,), torch.nan))
    assert not list(cache_folder.glob("*.safetensors"))


def test_what_killed_runs_left_goes(cache_folder: Path) -> None:
    cache_folder.mkdir()
    old, new = cache_folder / "tmpold.part", cache_folder / "tmpnew.part"
    for part in (old, new):
        part.write_bytes(bytes(10))
    os.utime(old, (1e9, 1e9))
    cache.cached({"a": 1}, Computation())
    assert not old.exists() and new.exists()


def test_a_claim_is_for_a_place_whatever_its_name(tmp_path: Path) -> None:
    with cache.claimed(tmp_path / "a.mp4"):
        with (
            pytest.raises(FileExistsError, match="another run"),
            cache.claimed(tmp_path / "x" / ".." / "a.mp4"),
        ):
            pass
        with cache.claimed(tmp_path / "b.mp4"):
            pass
    with cache.claimed(tmp_path / "a.mp4"):
        pass
