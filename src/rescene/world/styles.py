"""Styles as image filters: deterministic, the same for every frame, so they do not flicker."""

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from jaxtyping import Float

from rescene.world.backgrounds import value_noise

Image = Float[np.ndarray, "H W 3"]


def stylised(image: Image, style: str | None) -> Image:
    """Filters an image with values in [0, 1]; None leaves it as it is."""
    if style is None:
        return image
    if style not in FILTERS:
        raise ValueError(f"no style {style!r}; choose one of {', '.join(FILTERS)}")
    return np.clip(FILTERS[style](image), 0, 1).astype(np.float32)


def _watercolor(image: Image) -> Image:
    """Flat washes with dark rims on pale, uneven paper."""
    size = len(image)
    washes = _median(image, size, 5)
    grey = cv2.cvtColor(washes, cv2.COLOR_RGB2GRAY)
    rims = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((_odd(3, size),) * 2, np.uint8))
    return 0.8 * washes + 0.2 - 0.35 * rims[..., None] + 0.06 * _paper(size, 8)[..., None]


def _pencil(image: Image) -> Image:
    """Dark lines on white paper with a hint of coloured pencil (the colour words stay readable)."""
    size = len(image)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    blurred = cv2.GaussianBlur(grey, (0, 0), 2.2 * size / 128)
    lines = np.clip((grey + 0.02) / (blurred + 0.02), 0, 1) ** 2
    tint = image - grey[..., None]
    return (0.12 + 0.74 * lines + 0.14 * grey)[..., None] + 0.35 * tint


def _pixel_art(image: Image) -> Image:
    """Square blocks of a thirty-second of the height, in a fixed palette of 12 levels a channel."""
    size = len(image)
    small = cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA)
    return cv2.resize(np.round(small * 11) / 11, (size, size), interpolation=cv2.INTER_NEAREST)


def _oil(image: Image) -> Image:
    """Kuwahara's filter (flat strokes with sharp edges), stronger contrast, strokes of the brush."""
    size = len(image)
    radius = _odd(3, size)
    mean = cv2.blur(image, (radius, radius))
    spread = (cv2.blur(image * image, (radius, radius)) - mean * mean).sum(-1)
    shifts = [(dy, dx) for dy in (-1, 1) for dx in (-1, 1)]
    reach = radius // 2
    spreads = np.stack([np.roll(spread, (reach * dy, reach * dx), (0, 1)) for dy, dx in shifts])
    means = np.stack([np.roll(mean, (reach * dy, reach * dx), (0, 1)) for dy, dx in shifts])
    best = spreads.argmin(0)
    strokes = np.take_along_axis(means, best[None, ..., None], 0)[0]
    return (strokes - 0.5) * 1.25 + 0.5 + 0.08 * _paper(size, 24)[..., None]


def _median(image: Image, size: int, width: int) -> Image:
    levels = (image * 255 + 0.5).astype(np.uint8)
    return cv2.medianBlur(levels, _odd(width, size)).astype(np.float32) / 255


def _odd(width: int, size: int) -> int:
    """The filter width for an image of 128 rows, scaled to `size` rows and odd."""
    return 2 * (width * size // 256) + 1


@cache
def _paper(size: int, cells: int) -> Float[np.ndarray, "H W"]:
    return value_noise(np.random.default_rng(7), (size, size), cells=cells, octaves=1)


FILTERS: dict[str, Callable[[Image], Image]] = {
    "watercolor painting": _watercolor,
    "pencil sketch": _pencil,
    "pixel art": _pixel_art,
    "oil painting": _oil,
}
STYLES = tuple(FILTERS)
