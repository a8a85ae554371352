"""Makes the clips that show a motion ready-made: `python training/demo/render_controls.py`.

They replace those in `src/rescene/demo/controls`, or go into the folder that is named.
"""

import math
import sys
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from rescene.controls import Canny
from rescene.controls.skeleton import draw
from rescene.demo.controls import CONTROLS, FOLDER
from rescene.typing import Frames
from rescene.video import Video
from rescene.world import Motion, Scene

FRAMES, FPS, SIZE = 16, 8, 256
SCENES = {
    "car": Scene(
        object="car", background="road", motion=Motion(start=(0.25, 0.66), end=(0.75, 0.66), scale=(0.5, 0.5))
    ),
    "duck": Scene(
        object="duck", background="sea", motion=Motion(start=(0.75, 0.6), end=(0.3, 0.6), scale=(0.45, 0.5))
    ),
    "balloon": Scene(
        object="balloon",
        background="sunset",
        motion=Motion(start=(0.5, 0.75), end=(0.55, 0.3), scale=(0.5, 0.4)),
    ),
    "bear": Scene(
        object="bear",
        background="forest",
        motion=Motion(start=(0.5, 0.5), end=(0.5, 0.6), scale=(0.35, 0.75)),
    ),
}


def render(folder: Path) -> None:
    """Writes all clips."""
    folder.mkdir(exist_ok=True)
    for name, clip in CONTROLS.items():
        if clip.control == "pose":
            video = Video.of(skeletons(name), FPS)
        elif clip.control == "canny":
            video = Canny()(Video.of(SCENES[name].render(FRAMES, SIZE).frames, FPS))
        else:
            video = Video.of(depth(SCENES[name]), FPS)
        video.write(folder / clip.path.name, overwrite=True, source_type=None)


def depth(scene: Scene) -> Frames:
    """Near is bright: the ground comes nearer downwards, the object is nearest."""
    mask = scene.render(FRAMES, SIZE).mask
    ground = torch.linspace(0.05, 0.45, SIZE)[:, None].expand(SIZE, SIZE)
    nearness = ground + mask * (0.85 - ground)
    return nearness.expand(-1, 3, -1, -1).contiguous()


def skeletons(name: str) -> Frames:
    """A person who walks on the spot, or waves."""
    frames = []
    for number in range(FRAMES):
        points = person(2 * math.pi * number / FRAMES, walks=name == "walk")
        frames.append(draw((SIZE, SIZE), SIZE * points[None], np.ones((1, len(points)))))
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float() / 255


def person(phase: float, *, walks: bool) -> Float[np.ndarray, "18 2"]:
    """OpenPose's keypoints of a person seen from the front, in widths of the frame."""
    swing, bob = (0.35 * math.sin(phase), 0.008 * math.cos(2 * phase)) if walks else (0.0, 0.0)
    neck = np.array([0.5, 0.28 + bob])
    hips = {side: neck + by(side * 0.055, 0.27) for side in (-1, 1)}
    shoulders = {side: neck + by(side * 0.09, 0.005) for side in (-1, 1)}
    legs = {side: leg(hips[side], side * swing, side) for side in (-1, 1)}
    arms = {side: arm(shoulders[side], -side * swing, side) for side in (-1, 1)}
    if not walks:
        elbow = shoulders[1] + by(0.085, -0.03)
        arms[1] = [elbow, elbow + 0.13 * np.array([math.sin(0.6 * math.sin(2 * phase)), -1.0])]
    nose = neck + by(0, -0.1)
    head = [nose + by(side * x, y) for x, y in ((0.022, -0.018), (0.045, -0.005)) for side in (-1, 1)]
    limbs = [shoulders[-1], *arms[-1], shoulders[1], *arms[1], hips[-1], *legs[-1], hips[1], *legs[1]]
    return np.stack([nose, neck, *limbs, *head])


def leg(hip: np.ndarray, swing: float, side: int) -> list[np.ndarray]:
    """Knee and ankle: a leg that is lifted is bent."""
    lift = max(0.0, swing)
    knee = hip + by(side * 0.012, 0.165 - 0.12 * lift)
    return [knee, knee + by(side * 0.004, 0.17 - 0.15 * lift)]


def arm(shoulder: np.ndarray, swing: float, side: int) -> list[np.ndarray]:
    """Elbow and wrist."""
    elbow = shoulder + by(side * 0.03, 0.125)
    return [elbow, elbow + by(side * 0.01 - 0.06 * side * max(0.0, swing), 0.115 - 0.12 * max(0.0, swing))]


def by(right: float, down: float) -> np.ndarray:
    """A step in widths of the frame."""
    return np.array([right, down])


if __name__ == "__main__":
    render(Path(*sys.argv[1:]) if sys.argv[1:] else FOLDER)
