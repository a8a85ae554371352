"""Edits and generates video with pretrained image and video diffusion models.

model = rescene.load("sd15")
video = rescene.Video.read("jeep.mp4").resize(512, 512)
edit = rescene.FateZero(source="a silver jeep", target="a watercolor painting of a silver jeep")
edit(model, video).write("watercolor.mp4")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .attention import AttentionHook, FrameKeys, Layer
    from .backbones import Backbone, Branch, Condition, StableDiffusion, StableVideo, Text, load
    from .controls import Canny, Depth, Pose
    from .inputs import Fit, Grid, Inputs
    from .methods import (
        GENERATORS,
        METHODS,
        ControlledVideo,
        FateZero,
        I2VEdit,
        Inversion,
        Notes,
        Text2VideoZero,
        TokenFlow,
        TuneAVideo,
        TunedVideo,
        VideoInstructPix2Pix,
    )
    from .metrics import METRICS, evaluate
    from .training import MotionTuning, OneShot
    from .video import Video

_HOMES = {
    "attention": ("AttentionHook", "FrameKeys", "Layer"),
    "backbones": ("Backbone", "Branch", "Condition", "StableDiffusion", "StableVideo", "Text", "load"),
    "controls": ("Canny", "Depth", "Pose"),
    "methods": (
        *("GENERATORS", "METHODS", "ControlledVideo", "FateZero", "I2VEdit", "Inversion", "Notes"),
        *("Text2VideoZero", "TokenFlow", "TuneAVideo", "TunedVideo", "VideoInstructPix2Pix"),
    ),
    "metrics": ("METRICS", "evaluate"),
    "training": ("MotionTuning", "OneShot"),
    "inputs": ("Fit", "Grid", "Inputs"),
    "video": ("Video",),
}
"""Public names by the package that they come from; imported when first used: `import rescene` is instant."""

__version__ = "0.1.0"
__all__ = [
    "GENERATORS",
    "METHODS",
    "METRICS",
    "AttentionHook",
    "Backbone",
    "Branch",
    "Canny",
    "Condition",
    "ControlledVideo",
    "Depth",
    "FateZero",
    "Fit",
    "FrameKeys",
    "Grid",
    "I2VEdit",
    "Inputs",
    "Inversion",
    "Layer",
    "MotionTuning",
    "Notes",
    "OneShot",
    "Pose",
    "StableDiffusion",
    "StableVideo",
    "Text",
    "Text2VideoZero",
    "TokenFlow",
    "TuneAVideo",
    "TunedVideo",
    "Video",
    "VideoInstructPix2Pix",
    "evaluate",
    "load",
]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
