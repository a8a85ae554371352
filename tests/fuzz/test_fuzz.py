"""A few damaged files of every kind; `benchmarks/fuzz.py` tries thousands, with bounds on time and memory."""

from pathlib import Path

import pytest

from tests.fuzz.damage import damaged, impolite, seeds

EACH = 3


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    folder = tmp_path_factory.mktemp("seeds")
    return folder, seeds(folder)


def test_whole_files_are_read(whole: tuple[Path, dict[str, bytes]]) -> None:
    folder, files = whole
    for name, content in files.items():
        (folder / name).write_bytes(content)
        assert impolite(folder / name) is None, name


@pytest.mark.parametrize("number", range(EACH))
def test_damaged_files_are_read_politely(whole: tuple[Path, dict[str, bytes]], number: int) -> None:
    folder, files = whole
    found: list[str] = []
    for name, content in files.items():
        (folder / name).write_bytes(damaged(content, number))
        if said := impolite(folder / name):
            found.append(f"{name}: {said}")
    assert not found


def test_damage_is_decided_by_its_number() -> None:
    content = bytes(range(256)) * 4
    assert damaged(content, 3) == damaged(content, 3)
    assert len({damaged(content, number) for number in range(50)}) > 45
