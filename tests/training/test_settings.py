"""Settings of trainings need no network, nor its libraries."""

import subprocess
import sys

import pytest

from rescene.fields import AtLeast, range_of
from rescene.training.settings import MotionTuning, OneShot, TrainingSettings

HEAVY = {"accelerate", "av", "cv2", "diffusers", "gradio", "numpy", "torch", "transformers"}


def test_settings_are_made_without_anything_heavy() -> None:
    program = (
        "import sys; from rescene.training import MotionTuning, OneShot;"
        "OneShot(prompt='a car'); MotionTuning();"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    loaded = subprocess.check_output([sys.executable, "-c", program], text=True)
    assert HEAVY.isdisjoint(loaded.split())


def test_ranges_are_stated_beside_the_fields() -> None:
    hints = {**TrainingSettings.__annotations__, **MotionTuning.__annotations__, **OneShot.__annotations__}
    assert range_of(hints["steps"]) == range_of(hints["checkpoint_every"]) == AtLeast(1)
    assert range_of(hints["rank"]) == AtLeast(1, usual=32)
    with pytest.raises(ValueError, match="class_images is 0; it must be at least 1"):
        OneShot(prompt="a car", class_images=0)


def test_an_unknown_name_is_an_attribute_error() -> None:
    import rescene.training

    with pytest.raises(AttributeError, match="no_such_name"):
        rescene.training.no_such_name  # noqa: B018
