"""One value of each method, with fields that all take and no others."""

from pathlib import Path

from rescene import (
    IFV2V,
    FateZero,
    FlowAlign,
    FlowEdit,
    I2VEdit,
    InstructPix2Pix,
    Text2VideoZero,
    Text2VideoZeroRedraw,
    TextToVideo,
    TokenFlow,
    TuneAVideo,
    TuneAVideoClip,
    UniEdit,
)
from rescene.fields import Verb
from rescene.methods import METHODS, Method, TextEdit

EXAMPLES: dict[str, Method] = {
    "fatezero": FateZero(source="a car", target="a jeep"),
    "flowalign": FlowAlign(source="a car", target="a jeep"),
    "flowedit": FlowEdit(source="a car", target="a jeep"),
    "instruct-pix2pix": InstructPix2Pix(instruction="a jeep"),
    "text2video-zero": Text2VideoZeroRedraw(
        prompt="a jeep", control=("canny", "depth"), control_weights=(1, 0.5)
    ),
    "tokenflow": TokenFlow(source="a car", target="a jeep"),
    "tune-a-video": TuneAVideo(motion=Path("car.safetensors"), target="a jeep"),
    "uniedit": UniEdit(source="a car", target="a jeep"),
}
"""Edits."""
OTHERS: dict[tuple[Verb, str], Method] = {
    ("generate", "text2video-zero"): Text2VideoZero(prompt="a jeep"),
    ("generate", "text-to-video"): TextToVideo(prompt="a jeep", height=64, width=64),
    ("generate", "tune-a-video"): TuneAVideoClip(motion=Path("car.safetensors"), prompt="a jeep"),
    ("propagate", "i2vedit"): I2VEdit(),
    ("propagate", "if-v2v"): IFV2V(source="a car"),
}
"""The methods of the other verbs."""
TEXT_EDITS = {name: kind for name, kind in METHODS["edit"].items() if issubclass(kind, TextEdit)}
"""The methods that have a source and a target prompt."""
