"""Trainings: tuned weights from a video."""

from .folder import TrainingFolder
from .loop import Objective, TrainingSettings, train
from .losses import Loss

__all__ = ["Loss", "Objective", "TrainingFolder", "TrainingSettings", "train"]
