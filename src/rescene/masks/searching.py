"""An object looked for by its looks where flow has lost it."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from .outlining import Area, Picture, window

ALIKE = 0.85
"""The least likeness of an object and a place at which it is found."""
UNLIKE = 100
"""The difference of colours, in 8-bit levels, at which nothing is alike."""
SCALES = (1.0, 0.9, 1.1, 0.8, 1.25)
"""The sizes that it is looked for in, as shares of the one it should have."""
LONGER_SIDE = 160
"""Pixels of the picture's longer side while it is searched."""


@dataclass(frozen=True, eq=False)
class Looks:
    """What an object looked like when all of it was last seen."""

    picture: Picture
    """The part of the frame with the object."""
    area: Area

    @classmethod
    def of(cls, picture: Picture, area: Area) -> "Looks":
        """An object in a frame; nothing if the area is empty."""
        if not area.any():
            return cls(picture[:0, :0], area[:0, :0])
        rows, columns = window(area, 0)
        return cls(picture[rows, columns].copy(), area[rows, columns].copy())

    @property
    def size(self) -> int:
        """Its number of pixels."""
        return int(self.area.sum())

    def found(self, picture: Picture, scale: float) -> Area | None:
        """The pixels of a picture that look like the object; None if none do.

        Args:
            picture: Where it is looked for.
            scale: By how much it should have grown in length.
        """
        best, place = ALIKE, None
        coarse = min(1.0, LONGER_SIDE / max(picture.shape[:2]))
        small = cv2.resize(picture, None, fx=coarse, fy=coarse, interpolation=cv2.INTER_AREA)
        for share in SCALES:
            height, width = (max(1, round(side * scale * share * coarse)) for side in self.area.shape)
            if not self.size or height > small.shape[0] or width > small.shape[1] or min(height, width) < 4:
                continue
            looks = cv2.resize(self.picture, (width, height), interpolation=cv2.INTER_AREA)
            counts = cv2.resize(self.area.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
            alike = _likeness(small, looks, (counts > 0.5).astype(np.float32))
            if alike.max() > best:
                row, column = np.unravel_index(alike.argmax(), alike.shape)
                best, place = float(alike.max()), (int(row), int(column), scale * share)
        return None if place is None else self._put(picture.shape[:2], coarse, *place)

    def _put(self, shape: tuple[int, int], coarse: float, row: int, column: int, scale: float) -> Area:
        """The object's area in a picture, with its corner at a place of the coarse one."""
        height, width = (max(1, round(side * scale)) for side in self.area.shape)
        area = cv2.resize(self.area.astype(np.float32), (width, height)) > 0.5
        top, left, whole = round(row / coarse), round(column / coarse), np.zeros(shape, bool)
        part = whole[top : top + height, left : left + width]
        part |= area[: part.shape[0], : part.shape[1]]
        return whole


def _likeness(
    picture: Picture, looks: UInt8[np.ndarray, "h w 3"], inside: Float[np.ndarray, "h w"]
) -> Float[np.ndarray, "R C"]:
    """How alike an object and each place of a picture are, at most 1: correlated, or of the same colours.

    What has one colour all over correlates with nothing.
    """
    correlated = cv2.matchTemplate(picture, looks, cv2.TM_CCOEFF_NORMED, mask=inside)
    correlated = np.where(np.isfinite(correlated) & (correlated <= 1.01), correlated, 0)
    squares = cv2.matchTemplate(picture, looks, cv2.TM_SQDIFF, mask=inside)
    differ = np.sqrt(np.maximum(squares, 0) / max(1.0, float(inside.sum()) * 3))
    return np.maximum(correlated, 1 - differ / UNLIKE)
