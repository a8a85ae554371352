"""One edit by each method, with fields that all take and no others."""

from pathlib import Path

from rescene import ControlledVideo, FateZero, TokenFlow, TuneAVideo, VideoInstructPix2Pix
from rescene.methods import METHODS, Method, TextEdit

EXAMPLES: dict[str, Method] = {
    "fatezero": FateZero(source="a car", target="a jeep"),
    "instruct-pix2pix": VideoInstructPix2Pix(instruction="a jeep"),
    "text2video-zero": ControlledVideo(prompt="a jeep", control=("canny", "depth"), control_weights=(1, 0.5)),
    "tokenflow": TokenFlow(source="a car", target="a jeep"),
    "tune-a-video": TuneAVideo(motion=Path("car.safetensors"), target="a jeep"),
}
TEXT_EDITS = {name: kind for name, kind in METHODS.items() if issubclass(kind, TextEdit)}
"""The methods that have a source and a target prompt."""
