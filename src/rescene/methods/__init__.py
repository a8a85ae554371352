"""The published methods, a folder for each paper. All interfaces follow the one registry, `METHODS`."""

from collections.abc import Iterable
from typing import get_args

from ..fields import Verb, unknown
from .fatezero import FateZero
from .flowalign import FlowAlign
from .flowedit import FlowEdit
from .i2vedit import I2VEdit
from .if_v2v import IFV2V
from .method import QUIET, Balance, Cost, Method, Needs, Prompted, Run, TextEdit, verb_of
from .text2video_zero import InstructPix2Pix, Text2VideoZero, Text2VideoZeroRedraw
from .text_to_video import TextToVideo
from .tokenflow import TokenFlow
from .tune_a_video import TuneAVideo, TuneAVideoClip
from .uniedit import UniEdit

CLASSES: tuple[type[Method], ...] = (
    FateZero,
    FlowAlign,
    FlowEdit,
    InstructPix2Pix,
    Text2VideoZeroRedraw,
    TokenFlow,
    TuneAVideo,
    UniEdit,
    Text2VideoZero,
    TextToVideo,
    TuneAVideoClip,
    I2VEdit,
    IFV2V,
)
"""All methods; a new one is a line here."""
METHODS: dict[Verb, dict[str, type[Method]]] = {
    verb: {kind.name: kind for kind in CLASSES if verb_of(kind) == verb} for verb in get_args(Verb)
}
"""Methods by the command that runs them, and by the name that the command line and the settings files use."""


def unknown_method(name: str, known: Iterable[str], *, where: str) -> str:
    """Says that `name` isn't one of the `known` methods, and which command has it, or a near name."""
    verbs = [f"`rescene {verb}`" for verb, methods in METHODS.items() if name in methods]
    if verbs:
        return f"{where}: {name} isn't a method here; it is one of {' and '.join(verbs)}"
    return unknown(name, known, name=where)


__all__ = [
    "IFV2V",
    "METHODS",
    "QUIET",
    "Balance",
    "Cost",
    "FateZero",
    "FlowAlign",
    "FlowEdit",
    "I2VEdit",
    "InstructPix2Pix",
    "Method",
    "Needs",
    "Prompted",
    "Run",
    "Text2VideoZero",
    "Text2VideoZeroRedraw",
    "TextEdit",
    "TextToVideo",
    "TokenFlow",
    "TuneAVideo",
    "TuneAVideoClip",
    "UniEdit",
    "unknown_method",
    "verb_of",
]
