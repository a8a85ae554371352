"""Clips that show a motion ready-made, as ControlNets see it: poses, edges, depth."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).parent / "controls"


@dataclass(frozen=True, kw_only=True)
class ControlClip:
    """A clip to follow."""

    title: str
    control: Literal["canny", "depth", "pose"]
    path: Path


CONTROLS = {
    "walk": ControlClip(title="Pose: a person walks", control="pose", path=FOLDER / "walk.mp4"),
    "wave": ControlClip(title="Pose: a person waves", control="pose", path=FOLDER / "wave.mp4"),
    "car": ControlClip(title="Edges: a car drives by", control="canny", path=FOLDER / "car.mp4"),
    "duck": ControlClip(title="Edges: a duck swims", control="canny", path=FOLDER / "duck.mp4"),
    "balloon": ControlClip(title="Depth: a balloon rises", control="depth", path=FOLDER / "balloon.mp4"),
    "bear": ControlClip(title="Depth: a bear comes closer", control="depth", path=FOLDER / "bear.mp4"),
}
"""By name; made by `training/demo/render_controls.py`."""
