"""Edits and generates video with pretrained image and video diffusion models.

model = rescene.load("sd15")
video = rescene.Video.read("jeep.mp4").resize(512, 512)
edit = rescene.FateZero(source="a silver jeep", target="a watercolor painting of a silver jeep")
edit(model, video).write("watercolor.mp4")
"""

from typing import TYPE_CHECKING

from .lazy import lazily

if TYPE_CHECKING:
    from .attention import AttentionHook, FrameKeys, Layer
    from .backbones import (
        Backbone,
        Branch,
        Condition,
        StableDiffusion,
        StableDiffusionXL,
        StableVideo,
        Text,
        Wan,
        load,
    )
    from .controls import Canny, Depth, Pose
    from .inputs import Fit, Grid, Inputs
    from .methods import (
        IFV2V,
        METHODS,
        FateZero,
        FlowAlign,
        FlowEdit,
        I2VEdit,
        InstructPix2Pix,
        Method,
        Run,
        Text2VideoZero,
        Text2VideoZeroRedraw,
        TextToVideo,
        TokenFlow,
        TuneAVideo,
        TuneAVideoClip,
        UniEdit,
    )
    from .methods.notes import Notes
    from .metrics import METRICS, evaluate
    from .training import MotionTuning, OneShot
    from .video import Video

_HOMES = {
    "attention": ("AttentionHook", "FrameKeys", "Layer"),
    "backbones": (
        "Backbone",
        "Branch",
        "Condition",
        "StableDiffusion",
        "StableDiffusionXL",
        "StableVideo",
        "Text",
        "Wan",
        "load",
    ),
    "controls": ("Canny", "Depth", "Pose"),
    "inputs": ("Fit", "Grid", "Inputs"),
    "methods": (
        "METHODS",
        "FateZero",
        "FlowAlign",
        "FlowEdit",
        "I2VEdit",
        "IFV2V",
        "InstructPix2Pix",
        "Method",
        "Run",
        "Text2VideoZero",
        "Text2VideoZeroRedraw",
        "TextToVideo",
        "TokenFlow",
        "TuneAVideo",
        "TuneAVideoClip",
        "UniEdit",
    ),
    "methods.notes": ("Notes",),
    "metrics": ("METRICS", "evaluate"),
    "training": ("MotionTuning", "OneShot"),
    "video": ("Video",),
}
"""Public names by the package that they come from; imported when first used: `import rescene` is instant."""

__version__ = "0.1.0"
__all__ = [
    "IFV2V",
    "METHODS",
    "METRICS",
    "AttentionHook",
    "Backbone",
    "Branch",
    "Canny",
    "Condition",
    "Depth",
    "FateZero",
    "Fit",
    "FlowAlign",
    "FlowEdit",
    "FrameKeys",
    "Grid",
    "I2VEdit",
    "Inputs",
    "InstructPix2Pix",
    "Layer",
    "Method",
    "MotionTuning",
    "Notes",
    "OneShot",
    "Pose",
    "Run",
    "StableDiffusion",
    "StableDiffusionXL",
    "StableVideo",
    "Text",
    "Text2VideoZero",
    "Text2VideoZeroRedraw",
    "TextToVideo",
    "TokenFlow",
    "TuneAVideo",
    "TuneAVideoClip",
    "UniEdit",
    "Video",
    "Wan",
    "evaluate",
    "load",
]
__getattr__ = lazily(__name__, _HOMES)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
