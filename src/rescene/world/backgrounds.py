"""Procedural backgrounds, painted on a canvas that is wider than the view so that the camera can pan.

Every painter draws its own chances from the generator it is given; the horizon and the unevenness of the
ground come from the caller, so that another background of the same seed keeps the same layout.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float

Image = Float[np.ndarray, "H W 3"]
Field = Float[np.ndarray, "H W"]
RGB = tuple[float, float, float]

MARGIN = 0.3
"""How far the canvas reaches beyond either side of the view, in widths of the view."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where things are on the canvas, in units of the view's height."""

    x: Field
    y: Field
    horizon: float
    grain: Field
    """Smooth noise, about [-0.5, 0.5]."""
    size: int

    @property
    def ground(self) -> Field:
        """How far down the ground a point is: 0 at the horizon, 1 at the bottom."""
        return np.clip((self.y - self.horizon) / (1 - self.horizon), 0, 1)

    @property
    def sky(self) -> Field:
        """How far down the sky a point is: 0 at the top, 1 at the horizon."""
        return np.clip(self.y / self.horizon, 0, 1)

    def inside(self, distance: Field) -> Field:
        """Coverage of a shape given a signed distance (positive inside), one pixel of softness."""
        return np.clip(distance * self.size + 0.5, 0, 1)


Painter = Callable[[Layout, np.random.Generator], Image]


def background(kind: str, seed: int, size: int) -> Image:
    """Paints a canvas of `size` rows; its columns are the view plus `MARGIN` on either side."""
    if kind not in PAINTERS:
        raise ValueError(f"no background {kind!r}; choose one of {', '.join(PAINTERS)}")
    shared = np.random.default_rng((seed, 1))
    margin = round(MARGIN * size)
    y, x = np.mgrid[:size, -margin : size + margin].astype(np.float32)
    grain = value_noise(shared, (size, size + 2 * margin), cells=4, octaves=3)
    horizon = shared.uniform(0.36, 0.6)
    layout = Layout(x=(x + 0.5) / size, y=(y + 0.5) / size, horizon=horizon, grain=grain, size=size)
    image = PAINTERS[kind](layout, np.random.default_rng((seed, 2)))
    return np.clip(image, 0, 1).astype(np.float32)


def value_noise(generator: np.random.Generator, shape: tuple[int, int], *, cells: int, octaves: int) -> Field:
    """Smooth noise with mean 0, about [-0.5, 0.5]; `cells` is the number of bumps down the image."""
    height, width = shape
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        rows = cells * 2**octave
        bumps = generator.random((rows, round(rows * width / height)), dtype=np.float32) - 0.5
        total += cv2.resize(bumps, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    return total - total.mean()


def _blend(a: RGB | Image, b: RGB | Image, amount: Field) -> Image:
    weight = amount[..., None]
    return np.asarray(a, np.float32) * (1 - weight) + np.asarray(b, np.float32) * weight


def _over_ground(layout: Layout, sky: Image, ground: Image, roughness: float = 0.02) -> Image:
    line = layout.horizon + roughness * layout.grain
    return _blend(sky, ground, layout.inside(layout.y - line))


def _clear_sky(layout: Layout) -> Image:
    return _blend((0.45, 0.68, 0.95), (0.85, 0.93, 1.0), layout.sky)


def _grass(layout: Layout, generator: np.random.Generator) -> Image:
    ground = _blend((0.55, 0.78, 0.32), (0.28, 0.55, 0.18), layout.ground) + 0.08 * layout.grain[..., None]
    return _over_ground(layout, _clear_sky(layout), ground)


def _snow(layout: Layout, generator: np.random.Generator) -> Image:
    sky = _blend((0.62, 0.72, 0.84), (0.8, 0.87, 0.94), layout.sky)
    ground = _blend((0.9, 0.94, 0.98), (0.97, 0.98, 1.0), layout.ground) + 0.04 * layout.grain[..., None]
    return _over_ground(layout, sky, ground, roughness=0.08)


def _sand(layout: Layout, generator: np.random.Generator) -> Image:
    sky = _blend((0.5, 0.75, 0.95), (0.98, 0.93, 0.8), layout.sky)
    ground = _blend((0.93, 0.82, 0.58), (0.82, 0.64, 0.38), layout.ground) + 0.05 * layout.grain[..., None]
    return _over_ground(layout, sky, ground, roughness=0.08)


def _sea(layout: Layout, generator: np.random.Generator) -> Image:
    waves = 0.05 * np.sin(generator.uniform(45, 65) * layout.y + 6 * layout.grain)
    ground = _blend((0.25, 0.6, 0.78), (0.05, 0.28, 0.55), layout.ground) + waves[..., None]
    return _over_ground(layout, _clear_sky(layout), ground, roughness=0.0)


def _night_sky(layout: Layout, generator: np.random.Generator) -> Image:
    image = _blend((0.03, 0.03, 0.12), (0.14, 0.13, 0.36), layout.y) + 0.03 * layout.grain[..., None]
    for _ in range(36):
        x, y = generator.uniform(-MARGIN, 1 + MARGIN), generator.uniform(0, 1)
        radius = generator.uniform(0.006, 0.012)
        star = layout.inside(radius - np.hypot(layout.x - x, layout.y - y))
        image = _blend(image, (0.95, 0.95, 0.85), star * generator.uniform(0.6, 1))
    return image


def _road(layout: Layout, generator: np.random.Generator) -> Image:
    ground = _blend((0.42, 0.42, 0.44), (0.3, 0.3, 0.33), layout.ground) + 0.03 * layout.grain[..., None]
    middle = layout.horizon + 0.72 * (1 - layout.horizon)
    along = np.abs((layout.x * 4 + generator.random()) % 1 - 0.5) / 4
    dash = np.minimum(0.018 - np.abs(layout.y - middle), 0.07 - along)
    lane = _blend(ground, (0.95, 0.9, 0.55), layout.inside(dash))
    return _over_ground(layout, _clear_sky(layout), lane, roughness=0.0)


def _forest(layout: Layout, generator: np.random.Generator) -> Image:
    sky = _blend((0.3, 0.5, 0.4), (0.55, 0.7, 0.5), layout.sky)
    ground = _blend((0.35, 0.45, 0.2), (0.22, 0.3, 0.12), layout.ground) + 0.05 * layout.grain[..., None]
    image = _over_ground(layout, sky, ground)
    for x in np.arange(-MARGIN, 1 + MARGIN, 0.115) + generator.uniform(-0.04, 0.04, 14):
        width, crown = generator.uniform(0.01, 0.025), layout.horizon * generator.uniform(0.1, 0.6)
        trunk = np.minimum(width - np.abs(layout.x - x), layout.horizon + 0.02 - layout.y)
        trunk = np.minimum(trunk, layout.y - crown)
        image = _blend(image, (0.36, 0.25, 0.15 + 0.06 * generator.random()), layout.inside(trunk))
        leaves = generator.uniform(0.08, 0.125) - np.hypot(layout.x - x, layout.y - crown)
        shade = generator.random()
        green = (0.12 + 0.13 * shade, 0.35 + 0.15 * shade, 0.15 + 0.05 * shade)
        image = _blend(image, green, layout.inside(leaves))
    return image


def _sunset(layout: Layout, generator: np.random.Generator) -> Image:
    sky = _blend((0.35, 0.2, 0.5), (1.0, 0.62, 0.3), layout.sky)
    ground = _blend((0.45, 0.22, 0.3), (0.2, 0.1, 0.22), layout.ground) + 0.04 * layout.grain[..., None]
    x, y = generator.uniform(0.15, 0.85), layout.horizon - generator.uniform(0.02, 0.15)
    sun = layout.inside(0.078 - np.hypot(layout.x - x, layout.y - y))
    return _over_ground(layout, _blend(sky, (1.0, 0.92, 0.6), sun), ground)


PAINTERS: dict[str, Painter] = {
    "grass": _grass,
    "snow": _snow,
    "sand": _sand,
    "sea": _sea,
    "night sky": _night_sky,
    "road": _road,
    "forest": _forest,
    "sunset": _sunset,
}
BACKGROUNDS = tuple(PAINTERS)
