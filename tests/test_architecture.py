"""What may import what, how long a file or a function may be, and who may print."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "rescene"
FILES = sorted(SOURCE.rglob("*.py"))
PARTS = {path.stem for path in SOURCE.iterdir()}
MOST_LINES_PER_FILE = 250
MOST_LINES_PER_FUNCTION = 60

# For each part of the library: the other parts, and the packages, that it may import.
ALLOWED = {
    "fields": ("", ""),
    "progress": ("", ""),
    "inputs": ("typing video", "jaxtyping torch"),
    "typing": ("", "jaxtyping torch"),
    "cache": ("", "filelock platformdirs safetensors torch"),
    "sampling": ("typing", "jaxtyping torch"),
    "prompts": ("fields progress inputs typing", "jaxtyping torch"),
    "video": ("fields progress inputs typing", "av jaxtyping numpy PIL torch"),
    "mini": ("world", ""),
    "world": ("fields progress inputs typing video", "cv2 jaxtyping numpy PIL safetensors torch"),
    "attention": ("fields progress inputs typing sampling video prompts", "jaxtyping safetensors torch"),
    "attention/control.py": ("typing sampling video prompts", "diffusers jaxtyping torch"),
    "inflation": ("fields progress inputs typing sampling attention", "jaxtyping safetensors torch"),
    "controls": ("fields progress inputs typing video", "cv2 diffusers jaxtyping numpy torch transformers"),
    "backbones": (
        "fields progress inputs typing cache mini sampling video prompts attention inflation controls",
        "diffusers huggingface_hub jaxtyping numpy peft safetensors torch transformers",
    ),
    "convert": ("adapters", "safetensors torch"),
    "adapters": ("fields progress inputs typing video attention inflation backbones", "safetensors torch"),
    "methods": (
        "fields progress inputs typing cache sampling video prompts attention inflation controls backbones adapters",
        "cv2 jaxtyping numpy PIL safetensors torch",
    ),
    "training": (
        "fields progress inputs typing cache sampling video prompts attention inflation controls backbones adapters",
        "accelerate bitsandbytes diffusers jaxtyping numpy peft safetensors torch transformers",
    ),
    "metrics": (
        "fields progress inputs typing video backbones",
        "cv2 jaxtyping numpy torch torchmetrics torchvision transformers",
    ),
    "bench": (
        "backbones compare fields inputs methods metrics progress runs sampling training typing video world",
        "jaxtyping jinja2 numpy torch yaml",
    ),
    "compare": ("fields progress inputs typing video metrics", "cv2 jaxtyping jinja2 numpy torch"),
    "pictures": ("fields progress inputs typing video attention", "cv2 jaxtyping numpy PIL torch"),
    "demo": (
        "fields progress inputs typing video world methods controls",
        "av diffusers jaxtyping numpy torch transformers",
    ),
    "runs": ("backbones cache fields inputs methods progress video", "torch"),
    "cli": ("*", "rich torch transformers tyro yaml"),
    "app": (
        "backbones compare demo fields inputs methods metrics runs training typing video",
        "av gradio numpy PIL starlette torch",
    ),
    "__init__": ("*", ""),
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(SOURCE).as_posix())
def test_imports_go_one_way(file: Path) -> None:
    name = file.relative_to(SOURCE).as_posix()
    own = file.relative_to(SOURCE).parts[0].removesuffix(".py")
    assert name in ALLOWED or own in ALLOWED, f"{own} has no row in ALLOWED: say what it may import"
    parts, packages = (set(cell.split()) for cell in ALLOWED.get(name) or ALLOWED[own])
    for line, part, package in imports(file):
        assert not part or part in parts | {own} or "*" in parts, (
            f"{name}:{line}: {own} may not import {part}"
        )
        assert not package or package in packages, f"{name}:{line}: {own} may not import {package}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(SOURCE).as_posix())
def test_files_and_functions_are_short_and_only_the_command_line_prints(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) <= MOST_LINES_PER_FILE, "is this one idea?"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= MOST_LINES_PER_FUNCTION, f"{node.name} has {lines} lines"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            in_cli = file.relative_to(SOURCE).parts[0] == "cli"
            assert in_cli, f"line {node.lineno} prints; return or log instead"


def imports(file: Path) -> Iterator[tuple[int, str, str]]:
    """Yields the line of each import, and the part of rescene or else the package that it names.

    A name of the package itself, as in `from rescene import load`, is of the part "public".
    """
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = ["rescene", *file.relative_to(SOURCE).parts][: -node.level] if node.level else []
            base = [*package, *filter(None, [node.module])]
            modules = [".".join([*base, alias.name]) for alias in node.names]
        else:
            continue
        for first, part in (module.split(".")[:2] for module in map("{}.".format, modules)):
            if first == "rescene":
                yield node.lineno, part if part in PARTS else "public", ""
            elif first not in sys.stdlib_module_names:
                yield node.lineno, "", first
