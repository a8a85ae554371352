"""What may import what, how long a file or a function may be, and who may reach where.

The rules are those of docs/architecture.md. A permission that nobody uses fails like one that is missing, so
that this table says what is so.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "rescene"
FILES = {path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text()) for path in SOURCE.rglob("*.py")}
PARTS = {path.stem for path in SOURCE.iterdir()}
MOST_LINES_PER_FILE = 250
MOST_LINES_PER_FUNCTION = 40
MOST_NAMES_PER_METHOD = 20

# For each part of the library: the other parts, and the packages, that it imports.
ALLOWED = {
    # What every part may use, none of it about models.
    "fields": ("", "yaml"),
    "progress": ("", ""),
    "lazy": ("", ""),
    "typing": ("", "jaxtyping torch"),
    "cache": ("", "filelock platformdirs safetensors torch"),
    "video": ("progress typing", "PIL av jaxtyping numpy torch"),
    "inputs": ("typing video", "jaxtyping torch"),
    "masks": ("controls inputs progress typing video", "cv2 jaxtyping numpy torch transformers"),
    # Models, and what goes on in them.
    "sampling": ("typing", "jaxtyping torch"),
    "prompts": ("fields", "jaxtyping torch"),
    "attention": ("fields typing", "diffusers jaxtyping torch"),
    "controls": ("fields typing video", "cv2 jaxtyping numpy torch transformers"),
    "backbones": (
        "attention fields inputs mini prompts sampling typing video",
        "diffusers huggingface_hub jaxtyping numpy peft safetensors torch transformers",
    ),
    "convert": ("backbones", "safetensors torch"),
    # The methods, and those that train what they use.
    "methods": (
        "attention backbones cache controls fields inputs progress prompts sampling typing video",
        "jaxtyping safetensors torch",
    ),
    "training": (
        "attention backbones fields lazy progress sampling typing video",
        "accelerate jaxtyping safetensors torch",
    ),
    "runs": (
        "backbones cache fields inputs masks methods progress typing video",
        "huggingface_hub torch",
    ),
    # Judging results.
    "metrics": ("backbones lazy video", "cv2 jaxtyping numpy torch torchmetrics torchvision transformers"),
    "compare": ("metrics typing video", "cv2 jaxtyping jinja2 numpy torch"),
    "pictures": ("attention typing video", "PIL cv2 jaxtyping numpy torch"),
    "bench": (
        "backbones compare fields inputs lazy methods metrics progress runs sampling training typing video "
        "world",
        "jaxtyping jinja2 numpy torch",
    ),
    # The embedded model, the world that it knows, and the demo.
    "world": ("typing", "cv2 jaxtyping numpy safetensors torch"),
    "mini": ("world", ""),
    "demo": ("methods", ""),
    # What people use.
    "cli": (
        "app backbones bench cache compare controls convert demo fields inputs methods metrics pictures "
        "progress runs training video world",
        "rich torch transformers tyro",
    ),
    "app": (
        "backbones compare demo fields inputs methods metrics runs training typing video",
        "PIL av gradio numpy starlette torch",
    ),
    "__init__": ("attention backbones controls inputs lazy methods metrics training video", ""),
}
NETWORKS = {"unet", "vae", "transformer", "text_encoder", "image_encoder"}
MODELS = {"StableDiffusion", "StableDiffusionXL", "StableVideo", "Wan"}
NAMES_LAYERS = {"attention/dit.py", "attention/unet.py", "convert.py"}
LIGHT = ("rescene", "rescene.fields", "rescene.progress", "rescene.inputs", "rescene.methods")


@pytest.mark.parametrize("part", sorted(PARTS - {"py"}))
def test_each_part_imports_exactly_what_the_table_says(part: str) -> None:
    found = [
        imported
        for name in FILES
        if name.split("/")[0].removesuffix(".py") == part
        for imported in imports(name)
    ]
    if not found and part not in ALLOWED:
        return
    parts, packages = (set(cell.split()) for cell in ALLOWED[part])
    assert {other for other, _ in found if other and other != part} == parts
    assert {package for _, package in found if package} == packages


@pytest.mark.parametrize("name", sorted(FILES))
def test_files_and_functions_are_short(name: str) -> None:
    assert len((SOURCE / name).read_text().splitlines()) <= MOST_LINES_PER_FILE, "is this one idea?"
    for node in ast.walk(FILES[name]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            described = first.lineno - node.body[0].lineno
            lines = (node.end_lineno or node.lineno) - node.lineno + 1 - described
            assert lines <= MOST_LINES_PER_FUNCTION, f"{node.name} has {lines} lines without its docstring"


@pytest.mark.parametrize("name", [name for name in sorted(FILES) if not name.startswith("cli/")])
def test_only_the_command_line_prints(name: str) -> None:
    calls = [ast.unparse(node) for node in ast.walk(FILES[name]) if called(node) == "print"]
    assert not calls, "return or log instead"


@pytest.mark.parametrize("name", [name for name in sorted(FILES) if not name.startswith("backbones/")])
def test_only_backbones_know_how_a_model_is_built(name: str) -> None:
    """`attention/unet.py` and `dit.py`, which know how networks are built, may name their layers."""
    for node in ast.walk(FILES[name]):
        if isinstance(node, ast.Attribute):
            assert node.attr not in NETWORKS, f"line {node.lineno} reaches into a model"
        if isinstance(node, ast.Name):
            assert node.id not in MODELS, f"line {node.lineno} asks for one architecture"
        if name not in NAMES_LAYERS and isinstance(node, ast.Constant):
            assert node.value not in ("attn1", "attn2"), f"line {node.lineno} names a module"


@pytest.mark.parametrize("name", sorted(FILES))
def test_only_runs_fit_inputs_and_write_results(name: str) -> None:
    """`inputs` itself fits what belongs together: a video and its masks."""
    places = {"apply": {"runs", "inputs"}, "restore": {"runs"}, "write_result": {"runs"}}
    for node in ast.walk(FILES[name]):
        allowed = places.get(called(node))
        assert not allowed or name.split("/")[0] in allowed, f"{name} does what `runs` is for"


@pytest.mark.parametrize("name", [name for name in sorted(FILES) if name.startswith("methods/")])
def test_methods_need_little_of_the_rest(name: str) -> None:
    package = ["rescene", *name.split("/")]
    names = [
        alias.name
        for node in ast.walk(FILES[name])
        if isinstance(node, ast.ImportFrom) and node.level and package[: -node.level] == ["rescene"]
        for alias in node.names
    ]
    assert len(names) <= MOST_NAMES_PER_METHOD, names


@pytest.mark.parametrize("module", LIGHT)
def test_what_describes_work_loads_no_network(module: str) -> None:
    code = f"import sys, {module}; sys.exit(any(name in sys.modules for name in ('torch', 'diffusers')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def called(node: ast.AST) -> str:
    """The name of the function that is called, if one is."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    return getattr(function, "id", "") or getattr(function, "attr", "")


def imports(name: str) -> Iterator[tuple[str, str]]:
    """Yields the part of rescene, or else the package, that each import names.

    A name of the package itself, as in `from rescene import load`, is of the part "public".
    """
    for node in ast.walk(FILES[name]):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = ["rescene", *name.split("/")][: -node.level] if node.level else []
            base = [*package, *filter(None, [node.module])]
            modules = [".".join([*base, alias.name]) for alias in node.names]
        else:
            continue
        for first, part in (module.split(".")[:2] for module in map("{}.".format, modules)):
            if first == "rescene":
                yield part if part in PARTS else "public", ""
            elif first not in sys.stdlib_module_names:
                yield "", first
