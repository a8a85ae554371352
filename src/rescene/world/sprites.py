"""The objects of the world: small pictures with transparency.

They are Microsoft's Fluent Emoji (MIT licence, see `sprites/LICENSE`).
"""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float

OBJECTS = (
    *("car", "jeep", "taxi", "bus", "bicycle", "sailboat", "airplane", "rocket", "cat", "dog", "rabbit"),
    *("fox", "tiger", "bear", "frog", "penguin", "duck", "swan", "fish", "octopus", "whale", "turtle"),
    *("horse", "elephant", "butterfly", "apple", "strawberry", "carrot", "pumpkin", "balloon", "tree"),
    *("cactus", "sunflower", "rose", "mushroom", "house", "castle", "robot", "alien", "star", "heart"),
    *("crown", "cake", "burger"),
)

Sprite = Float[np.ndarray, "S S 4"]
"""RGB and opacity in [0, 1]; colour not multiplied by opacity."""


@cache
def sprite(name: str) -> Sprite:
    """The picture of an object, 128 pixels square; read-only, for it is shared."""
    if name not in OBJECTS:
        raise ValueError(f"no sprite for {name!r}; choose one of {', '.join(OBJECTS)}")
    file = Path(__file__).with_name("sprites") / f"{name}.webp"
    picture = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise FileNotFoundError(f"{file} is missing or unreadable; reinstall rescene")
    rgba = cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA).astype(np.float32) / 255
    rgba.setflags(write=False)
    return rgba
