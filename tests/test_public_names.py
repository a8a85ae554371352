"""The public surface: what `import rescene` offers, and what it costs."""

import subprocess
import sys

import pytest

import rescene

HEAVY = {"av", "cv2", "diffusers", "gradio", "numpy", "torch", "transformers", "tyro"}


def test_names_are_sorted_constants_first_then_classes_then_functions() -> None:
    assert rescene.__all__ == sorted(rescene.__all__, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    assert len(set(rescene.__all__)) == len(rescene.__all__)


@pytest.mark.parametrize("name", rescene.__all__)
def test_every_name_can_be_imported_and_is_documented(name: str) -> None:
    value = getattr(rescene, name)
    assert name in dir(rescene)
    # A dataclass without a docstring gets its signature for one.
    assert value.__doc__, f"{name} has no docstring"
    assert not value.__doc__.startswith(f"{name}("), f"{name} has no docstring"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        rescene.no_such_name  # noqa: B018


def test_importing_the_package_loads_nothing_heavy() -> None:
    program = "import sys, rescene; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert HEAVY.isdisjoint(loaded.split())


def test_loading_a_model_takes_no_drawing_library() -> None:
    program = "import sys, rescene; rescene.load, rescene.FateZero; print('cv2' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "False"
