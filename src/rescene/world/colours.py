"""Recolours a sprite: hue for the chromatic colours, lightness for black, white and silver."""

from functools import cache

import cv2
import numpy as np
from jaxtyping import Float

from rescene.world.sprites import Sprite, sprite

HUES = {
    "red": (0, 0.92, 0.95),
    "orange": (26, 0.92, 1.0),
    "yellow": (52, 0.85, 1.0),
    "green": (125, 0.85, 0.8),
    "blue": (218, 0.88, 1.0),
    "purple": (275, 0.8, 0.9),
    "pink": (328, 0.5, 1.0),
}
"""Hue in degrees, saturation and value of the colour in full light."""

GREYS = {"black": (0.0, 0.34), "white": (0.78, 1.0), "silver": (0.3, 0.88)}
"""The grey of the darkest and of the lightest part."""

COLOURS = (*HUES, *GREYS)


@cache
def recoloured(name: str, colour: str | None) -> Sprite:
    """The sprite of an object in a colour, or as it came for None; read-only, for it is shared."""
    original = sprite(name)
    if colour is None:
        return original
    if colour not in COLOURS:
        raise ValueError(f"no colour {colour!r}; choose one of {', '.join(COLOURS)}")
    paint = _grey if colour in GREYS else _hue
    result = np.dstack([paint(original[..., :3], colour), original[..., 3]]).astype(np.float32)
    result.setflags(write=False)
    return result


def _hue(rgb: Float[np.ndarray, "S S 3"], colour: str) -> Float[np.ndarray, "S S 3"]:
    """Sets the hue, keeps shading and highlights; what was nearly black (eyes, tyres) stays so."""
    hue, full, light = HUES[colour]
    _, saturation, value = np.moveaxis(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2HSV), -1, 0)
    inked = np.clip((value - 0.1) / 0.12, 0, 1)
    saturation = full * (0.55 + 0.45 * saturation) * inked
    value = light * value * 0.72 + light * (0.3 + 0.7 * value - 0.72 * value) * inked
    painted = np.dstack([np.full_like(value, hue), saturation, value]).astype(np.float32)
    return cv2.cvtColor(painted, cv2.COLOR_HSV2RGB)


def _grey(rgb: Float[np.ndarray, "S S 3"], colour: str) -> Float[np.ndarray, "S S 3"]:
    dark, bright = GREYS[colour]
    grey = dark + (bright - dark) * rgb.mean(-1)
    return np.repeat(grey[..., None], 3, axis=-1)
