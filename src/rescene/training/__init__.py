"""Trainings: tuned weights from a video. Names are imported when first used: settings need no networks."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .folder import TrainingFolder
    from .loop import Objective, train
    from .losses import Loss
    from .settings import MotionTuning, OneShot, TrainingSettings

_HOMES = {
    "folder": ("TrainingFolder",),
    "loop": ("Objective", "train"),
    "losses": ("Loss",),
    "settings": ("MotionTuning", "OneShot", "TrainingSettings"),
}
__all__ = [
    "Loss",
    "MotionTuning",
    "Objective",
    "OneShot",
    "TrainingFolder",
    "TrainingSettings",
    "train",
]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
