"""The published methods, one paper a file. `METHODS` is the one registry: CLI, web app and docs follow it."""

from .controlled_video import ControlledVideo
from .fatezero import FateZero
from .i2vedit import I2VEdit
from .instruct_pix2pix import VideoInstructPix2Pix
from .inversion import Inversion
from .method import Generator, Method, TextEdit, quiet
from .notes import Notes
from .text2video_zero import Text2VideoZero
from .tokenflow import TokenFlow
from .tune_a_video import TuneAVideo, TunedVideo

METHODS: dict[str, type[Method]] = {
    "fatezero": FateZero,
    "instruct-pix2pix": VideoInstructPix2Pix,
    "text2video-zero": ControlledVideo,
    "tokenflow": TokenFlow,
    "tune-a-video": TuneAVideo,
}
"""Methods by the name that the command line and the settings files use."""
GENERATORS: dict[str, type[Generator]] = {"text2video-zero": Text2VideoZero, "tune-a-video": TunedVideo}
"""Methods that need no video, likewise."""

__all__ = [
    "GENERATORS",
    "METHODS",
    "ControlledVideo",
    "FateZero",
    "Generator",
    "I2VEdit",
    "Inversion",
    "Method",
    "Notes",
    "Text2VideoZero",
    "TextEdit",
    "TokenFlow",
    "TuneAVideo",
    "TunedVideo",
    "VideoInstructPix2Pix",
    "quiet",
]
