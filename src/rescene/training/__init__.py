"""Trainings: tuned weights from a video."""

from .folder import TrainingFolder
from .loop import Objective, TrainingSettings, train
from .losses import Loss
from .motion_lora import MotionTuning
from .one_shot import OneShot
from .processes import processes

__all__ = [
    "Loss",
    "MotionTuning",
    "Objective",
    "OneShot",
    "TrainingFolder",
    "TrainingSettings",
    "processes",
    "train",
]
