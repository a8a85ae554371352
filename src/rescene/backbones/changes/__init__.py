"""What can be put into a network for the length of a block: norms, layers, weights, ControlNets, adapters."""

from .controlnet import (
    CONTROLNETS,
    ControlNet,
    ControlNetFile,
    Steering,
    load_controlnet,
    verify_controlnet,
)
from .motion_lora import MotionLoRA
from .motion_lora import verify as verify_motion_lora
from .one_shot import Adapter, BaseWarning
from .one_shot import verify as verify_adapter
from .one_shot_file import About, read_about
from .temporal import ClipNorms, TemporalLayers
from .weights import Recomputed, ReplacedWeights

__all__ = [
    "CONTROLNETS",
    "About",
    "Adapter",
    "BaseWarning",
    "ClipNorms",
    "ControlNet",
    "ControlNetFile",
    "MotionLoRA",
    "Recomputed",
    "ReplacedWeights",
    "Steering",
    "TemporalLayers",
    "load_controlnet",
    "read_about",
    "verify_adapter",
    "verify_controlnet",
    "verify_motion_lora",
]
