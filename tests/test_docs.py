"""The documentation names what exists: files, things in them, public names; its Python can be compiled."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "rescene"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
"""Not CHANGELOG.md, which tells of names that went."""
PLACES = ("", "docs", "src", "src/rescene", "training/mini")
"""Folders that the paths in these pages are seen from."""
CODE = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
FILE = re.compile(r"[\w./-]+\.(?:py|yaml)")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
DOTTED = re.compile(r"\brescene(?:\.\w+)+")
EXAMPLES = {"edit.yaml", "settings.yaml"}
"""Files that only readers have; so are those of `x`, which stands for what they add."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    spans = CODE.findall(FENCE.sub("", page.read_text()))
    named = {span.split(":")[0] for span in spans if FILE.fullmatch(span.split(":")[0])}
    theirs = {name for name in named if "x" in Path(name).with_suffix("").parts}
    gone = [name for name in sorted(named - EXAMPLES - theirs) if not found(name)]
    assert not gone


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    gone = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert not gone


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_things_that_a_page_finds_in_a_file_are_there(page: Path) -> None:
    """As in `attention/source.py: Follow`, also `Class.method`."""
    for span in CODE.findall(page.read_text()):
        name, _, things = span.partition(": ")
        if things and FILE.fullmatch(name) and (path := found(name)) and path.suffix == ".py":
            gone = [thing for thing in things.split(", ") if thing not in set(defined(path))]
            assert not gone, f"{name} has no {', '.join(gone)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_of_the_library_can_be_imported(page: Path) -> None:
    for dotted in sorted(set(DOTTED.findall(page.read_text()))):
        if dotted.rpartition(".")[2] not in ("mp4", "sh"):
            assert reached(dotted), f"there is no {dotted}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_compiles_and_its_imports_are_there(page: Path) -> None:
    for language, block in FENCE.findall(page.read_text()):
        if language != "python":
            continue
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("rescene"):
                module = import_module(node.module)
                assert all(hasattr(module, alias.name) for alias in node.names), ast.unparse(node)


def found(name: str) -> Path | None:
    """The file that a page calls `name`."""
    return next((path for place in PLACES if (path := ROOT / place / name).is_file()), None)


def defined(path: Path) -> Iterator[str]:
    """Classes, functions, constants and the members of classes, as `Class.member`."""
    for node in ast.parse(path.read_text()).body:
        yield from names_of(node)
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{name}" for member in node.body for name in names_of(member))


def names_of(node: ast.stmt) -> list[str]:
    """The names that a statement binds."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def reached(dotted: str) -> bool:
    """Whether a name leads to something: through packages as far as they go, then through attributes."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        try:
            value = import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            if not hasattr(value, part) and part not in getattr(value, "__dataclass_fields__", ()):
                return False
            value = getattr(value, part, None)
        return True
    return False
