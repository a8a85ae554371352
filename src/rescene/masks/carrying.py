"""Masks carried from marked frames through a clip by optical flow; outlined again where flow can't tell.

Flow goes both ways (DIS; Kroeger et al., ECCV 2016): pixels that don't come back to where they began are
taken from the object's own motion, a similarity. The rim is outlined again in every frame, by the colours of
the marked one. What flow loses, at a cut, behind something, or by speed, is searched for by its looks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Float

from .outlining import Area, Colours, Picture, again, iou, learnt
from .searching import Looks

Flow = Float[np.ndarray, "H W 2"]
SURE = 0.5
"""The least share of an object's pixels whose flow comes back to where it began."""
AGREED = 0.7
"""The least overlap of what flow carried and what was outlined again."""
ELSEWHERE = 0.3
"""Where flow fails, an object that is found with less overlap than this has moved on."""
SAME_SCENE = 0.2
"""The least share of a picture's pixels whose flow comes back, or the next one is of another scene."""
WHOLE, HIDDEN = 0.95, 0.8
"""Shares of the size that an object should have: above the first nothing hides it, below the second much."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Carried:
    """A mask on one frame, and what is known of the object there."""

    picture: Picture
    area: Area
    colours: Colours
    looks: Looks
    """The object when all of it was last seen."""
    scale: float = 1.0
    """How much it has grown since then."""
    doubt: str = ""
    """Why the mask may be wrong; nothing if it seems right."""

    @classmethod
    def begun(cls, picture: Picture, area: Area) -> "Carried":
        """The mask of a marked frame."""
        return cls(picture=picture, area=area, colours=learnt(picture, area), looks=Looks.of(picture, area))

    def to(self, picture: Picture) -> "Carried":
        """The mask on the next frame, or on the one before."""
        motion = Motion(self.picture, picture)
        if motion.consistent.mean() < SAME_SCENE:
            return self._found(picture, np.zeros_like(self.area), "a cut, or too fast a motion")
        if not self.area.any():
            return self._found(picture, self.area, "the object isn't seen")
        moved, scale = motion.carry(self.area)
        if not moved.any():
            return self._found(picture, moved, "the object isn't seen")
        scale = self.scale * scale
        outlined = again(picture, moved, self.colours)
        agreed = iou(outlined, moved) >= AGREED
        area = outlined if agreed else moved
        if motion.consistent[moved].mean() < SURE or not agreed:
            why = "flow and colours disagree"
            found = self._found(picture, area, why, scale)
            lost = iou(found.area, area) < ELSEWHERE
            return found if lost else replace(self, picture=picture, area=area, scale=scale, doubt=why)
        share = area.sum() / (self.looks.size * scale**2)
        if share < HIDDEN:
            return self._found(picture, area, "the object is partly hidden", scale)
        looks, scale = (Looks.of(picture, area), 1.0) if share > WHOLE else (self.looks, scale)
        return replace(self, picture=picture, area=area, looks=looks, scale=scale, doubt="")

    def _found(self, picture: Picture, rest: Area, why: str, scale: float = 1.0) -> "Carried":
        """The object where it looks as it did; what is left of it, in doubt, if nothing does."""
        found = self.looks.found(picture, scale)
        if found is None or found.sum() < rest.sum():
            return replace(self, picture=picture, area=rest, scale=scale, doubt=why)
        area = again(picture, found, self.colours)
        area = area if iou(area, found) >= AGREED else found
        return replace(self, picture=picture, area=area, scale=scale, doubt="")


@dataclass(frozen=True, eq=False)
class Motion:
    """How one picture moves to another."""

    before: Picture
    after: Picture

    @cached_property
    def forward(self) -> Flow:
        """Where the first picture's pixels go."""
        return _flow(self.before, self.after)

    @cached_property
    def backward(self) -> Flow:
        """Where the second picture's pixels come from."""
        return _flow(self.after, self.before)

    @cached_property
    def consistent(self) -> Area:
        """The second picture's pixels whose way back leads to them again (Ruder et al., GCPR 2016, §3.1)."""
        returned = _looked_up(self.forward, self.backward, cv2.BORDER_REPLICATE)
        gap = np.square(self.backward + returned).sum(-1)
        length = np.square(self.backward).sum(-1) + np.square(returned).sum(-1)
        return gap <= 0.01 * length + 0.5

    def carry(self, area: Area) -> tuple[Area, float]:
        """An area of the first picture in the second, and by how much it grew in length."""
        moved = _looked_up(area.astype(np.float32), self.backward, cv2.BORDER_CONSTANT) > 0.5
        way = self._similarity(area)
        if way is None:
            return moved, 1.0
        whole = cv2.warpAffine(area.astype(np.float32), way, area.shape[::-1]) > 0.5
        scale = float(np.hypot(way[0, 0], way[1, 0]))
        return np.where(self.consistent, moved, whole), min(max(scale, 0.8), 1.25)

    def _similarity(self, area: Area) -> Float[np.ndarray, "2 3"] | None:
        """The turn, scale and shift that most of an area's pixels share."""
        rows, columns = np.nonzero(area)
        some = slice(None, None, max(1, len(rows) // 800))
        rows, columns = rows[some], columns[some]
        if len(rows) < 8:
            return None
        begun = np.stack([columns, rows], 1).astype(np.float32)
        cv2.setRNGSeed(0)
        way, kept = cv2.estimateAffinePartial2D(
            begun, begun + self.forward[rows, columns], method=cv2.RANSAC, ransacReprojThreshold=1.0
        )
        return way if way is not None and kept.mean() > 0.5 else None


def walk(begun: Carried, frames: range, picture: Callable[[int], Picture]) -> Iterator[tuple[int, Carried]]:
    """Carries a mask over frames in their order; yields each one's number and mask."""
    here = begun
    for number in frames:
        here = here.to(picture(number))
        yield number, here


def _flow(one: Picture, other: Picture) -> Flow:
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) for picture in (one, other)]
    return np.asarray(search.calc(*grey, None), np.float32)  # pyright: ignore


def _looked_up(image: np.ndarray, flow: Flow, border: int) -> np.ndarray:
    """For each pixel, the place in an image that the flow points to."""
    rows, columns = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    return cv2.remap(image, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR, borderMode=border)
