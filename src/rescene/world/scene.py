"""A scene: one object on a background, moving, described by a caption; it renders with all its answers.

Changing one word and rendering again gives the true edited video: everything else stays the same.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from types import EllipsisType

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rescene.typing import Frames
from rescene.world.backgrounds import BACKGROUNDS, MARGIN, background
from rescene.world.colours import COLOURS, recoloured
from rescene.world.sprites import OBJECTS
from rescene.world.styles import STYLES, stylised

Image = Float[np.ndarray, "H W 3"]
Matte = Float[np.ndarray, "H W"]


@dataclass(frozen=True, kw_only=True)
class Motion:
    """The path from the first to the last frame, straight and even; lengths in widths of the view."""

    start: tuple[float, float]
    """Where the object's centre is in the first frame (x, y)."""
    end: tuple[float, float]
    """Where it is in the last frame."""
    scale: tuple[float, float]
    """Its size in the first and in the last frame."""
    pan: float = 0.0
    """How far the camera moves to the right over the clip."""
    flip: bool = False
    """Whether the object looks the other way."""

    def __post_init__(self) -> None:
        if abs(self.pan) > MARGIN:
            raise ValueError(f"pan {self.pan} leaves the painted background; stay within ±{MARGIN}")

    def place(self, time: float) -> tuple[float, float, float]:
        """Centre and size (x, y, size) at a time between 0 and 1."""
        first, last = (*self.start, self.scale[0]), (*self.end, self.scale[1])
        x, y, size = (a + (b - a) * time for a, b in zip(first, last, strict=True))
        return x, y, size


@dataclass(frozen=True, kw_only=True)
class RenderedClip:
    """A rendered scene with its exact answers."""

    frames: Frames
    mask: Float[Tensor, "F 1 H W"]
    """The object's opacity."""
    flow: Float[Tensor, "G 2 H W"]
    """Where each pixel goes in the next frame, (dx, dy) in pixels; one fewer than frames."""
    visible: Bool[Tensor, "G 1 H W"]
    """Whether that point is still to be seen in the next frame: in view, and not covered."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One object on a background, moving; rendering it twice gives the same pixels."""

    object: str
    background: str
    motion: Motion
    colour: str | None = None
    style: str | None = None
    seed: int = 0
    """Decides the details of the background."""

    def __post_init__(self) -> None:
        _check("object", self.object, OBJECTS)
        _check("background", self.background, BACKGROUNDS)
        if self.colour is not None:
            _check("colour", self.colour, COLOURS)
        if self.style is not None:
            _check("style", self.style, STYLES)

    @classmethod
    def random(cls, seed: int) -> "Scene":
        """Draws a scene; every ingredient has its own stream of chance."""
        draw = [np.random.default_rng((seed, 100 + k)) for k in range(5)]
        return cls(
            object=str(draw[0].choice(OBJECTS)),
            colour=str(draw[1].choice(COLOURS)) if draw[1].random() < 0.65 else None,
            background=str(draw[2].choice(BACKGROUNDS)),
            style=str(draw[3].choice(STYLES)) if draw[3].random() < 0.3 else None,
            motion=_random_motion(draw[4]),
            seed=seed,
        )

    @property
    def caption(self) -> str:
        """What the scene shows, such as "a red car on the road, watercolor painting"."""
        thing = self.object if self.colour is None else f"{self.colour} {self.object}"
        article = "an" if thing[0] in "aeiou" else "a"
        place = "on" if self.background in ("road", "sand") else "in"
        style = "" if self.style is None else f", {self.style}"
        return f"{article} {thing} {place} the {self.background}{style}"

    def changed(
        self,
        *,
        object: str | EllipsisType = ...,
        colour: str | EllipsisType | None = ...,
        background: str | EllipsisType = ...,
        style: str | EllipsisType | None = ...,
    ) -> "Scene":
        """The same scene with other words; layout and motion stay."""
        words = {"object": object, "colour": colour, "background": background, "style": style}
        return replace(self, **{name: word for name, word in words.items() if word is not ...})

    def render(self, frames: int = 8, size: int = 128) -> RenderedClip:
        """Renders the clip and its answers; `size` is the height and the width in pixels."""
        if frames < 1:
            raise ValueError(f"a clip needs at least one frame, not {frames}")
        times = [k / max(frames - 1, 1) for k in range(frames)]
        images, masks = zip(*(self.render_at(time, size) for time in times), strict=True)
        flows = [self._flow(a, b, size) for a, b in pairwise(times)]
        mask = torch.stack(masks)
        flow = torch.stack(flows) if flows else mask.new_zeros(0, 2, size, size)
        return RenderedClip(frames=torch.stack(images), mask=mask, flow=flow, visible=_visible(flow, mask))

    def render_at(
        self, time: float, size: int = 128
    ) -> tuple[Float[Tensor, "3 H W"], Float[Tensor, "1 H W"]]:
        """One frame and the object's opacity, at a time between 0 (first frame) and 1 (last)."""
        camera = round((MARGIN + self.motion.pan * time) * size)
        view = _canvas(self.background, self.seed, size)[:, camera : camera + size]
        layer, alpha = self._object(time, size)
        image = stylised(view * (1 - alpha[..., None]) + layer, self.style)
        return torch.from_numpy(image).permute(2, 0, 1).contiguous(), torch.from_numpy(alpha)[None]

    def _object(self, time: float, size: int) -> tuple[Image, Matte]:
        """The object's layer, multiplied by its opacity, and that opacity."""
        fine = 2 * size  # drawn twice as large, then averaged: smooth edges at any position
        x, y, scale = self.motion.place(time)
        rgba = recoloured(self.object, self.colour)
        layer = np.dstack([rgba[..., :3] * rgba[..., 3:], rgba[..., 3]])
        zoom = scale * fine / len(rgba)
        corner = (x - scale / 2) * fine, (y - scale / 2) * fine
        turn = np.array([[zoom, 0, corner[0] + (zoom - 1) / 2], [0, zoom, corner[1] + (zoom - 1) / 2]])
        if self.motion.flip:
            layer = np.ascontiguousarray(layer[:, ::-1])
        drawn = cv2.warpAffine(layer, turn, (fine, fine), flags=cv2.INTER_LINEAR)
        small = np.clip(cv2.resize(drawn, (size, size), interpolation=cv2.INTER_AREA), 0, 1)
        return small[..., :3], np.ascontiguousarray(small[..., 3])

    def _flow(self, time: float, later: float, size: int) -> Float[Tensor, "2 H W"]:
        """How pixels move between two times: the object by its path, the rest against the camera."""
        (x0, y0, s0), (x1, y1, s1) = self.motion.place(time), self.motion.place(later)
        rows, columns = np.mgrid[:size, :size].astype(np.float32) + 0.5
        grow = s1 / s0 - 1
        moved = np.stack([(columns - x0 * size) * grow, (rows - y0 * size) * grow])
        moved += np.array([x1 - x0, y1 - y0])[:, None, None] * size
        pans = [round((MARGIN + self.motion.pan * when) * size) for when in (time, later)]
        still = np.zeros_like(moved)
        still[0] = pans[0] - pans[1]
        alpha = self._object(time, size)[1]
        return torch.from_numpy(np.where(alpha > 0.5, moved, still).astype(np.float32))


def warped(image: Float[Tensor, "F C H W"], flow: Float[Tensor, "F 2 H W"]) -> Float[Tensor, "F C H W"]:
    """Looks up, for each pixel, the place that the flow points to; bilinear, clamped at the border."""
    height, width = image.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    columns = (2 * (flow[:, 0] + x.to(flow)) + 1) / width - 1
    rows = (2 * (flow[:, 1] + y.to(flow)) + 1) / height - 1
    grid = torch.stack([columns, rows], dim=-1)
    return torch.nn.functional.grid_sample(image, grid, padding_mode="border", align_corners=False)


def _visible(flow: Float[Tensor, "G 2 H W"], mask: Float[Tensor, "F 1 H W"]) -> Bool[Tensor, "G 1 H W"]:
    size = mask.shape[-1]
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    target = flow + torch.stack([x, y]).to(flow)
    in_view = ((target >= 0) & (target <= size - 1)).all(dim=1, keepdim=True)
    covered = (warped(mask[1:], flow) - mask[:-1]).abs() > 1e-3
    return in_view & ((mask[:-1] > 0.5) | ~covered)


def _random_motion(draw: np.random.Generator) -> Motion:
    scale = draw.uniform(0.42, 0.68)
    later = float(np.clip(scale * draw.uniform(0.85, 1.18), 0.42, 0.68))
    room = max(scale, later)
    low, high = (room / 2, 0.36 + 0.2 * room), (1 - room / 2, 1 - 0.48 * room)
    start, end = draw.uniform(low, high), draw.uniform(low, high)
    end = start + np.clip(end - start, -0.22, 0.22)
    pan = draw.uniform(-0.25, 0.25) if draw.random() < 0.5 else 0.0
    return Motion(
        start=(float(start[0]), float(start[1])),
        end=(float(end[0]), float(end[1])),
        scale=(float(scale), later),
        pan=float(pan),
        flip=bool(draw.random() < 0.5),
    )


def _check(name: str, word: str, known: tuple[str, ...]) -> None:
    if word not in known:
        raise ValueError(f"no {name} {word!r} in this world; choose one of {', '.join(known)}")


@lru_cache(maxsize=4)
def _canvas(kind: str, seed: int, size: int) -> Image:
    canvas = background(kind, seed, size)
    canvas.setflags(write=False)
    return canvas
