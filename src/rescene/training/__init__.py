"""Trainings: tuned weights from a video. Names are imported when first used: settings need no networks."""

from typing import TYPE_CHECKING

from ..lazy import lazily

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
__getattr__ = lazily(__name__, _HOMES)
