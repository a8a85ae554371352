"""What can be put into a network for the length of a block: norms, layers, weights, ControlNets, adapters."""

from .controlnet import (
    CONTROLNETS,
    ControlNet,
    ControlNetFile,
    Steering,
    check_controlnet,
    load_controlnet,
)
from .motion_lora import MotionLoRA
from .motion_lora import check as check_motion_lora
from .one_shot import Adapter, BaseWarning
from .one_shot import check as check_adapter
from .one_shot_file import AdapterHeader, read_header
from .temporal import ClipNorms, TemporalLayers
from .weights import Recomputed, ReplacedWeights

__all__ = [
    "CONTROLNETS",
    "Adapter",
    "AdapterHeader",
    "BaseWarning",
    "ClipNorms",
    "ControlNet",
    "ControlNetFile",
    "MotionLoRA",
    "Recomputed",
    "ReplacedWeights",
    "Steering",
    "TemporalLayers",
    "check_adapter",
    "check_controlnet",
    "check_motion_lora",
    "load_controlnet",
    "read_header",
]
