"""Outlines of what an edited frame changed."""

from collections.abc import Iterator, Mapping

import cv2
import numpy as np

from ..inputs.marks import Polygon
from ..typing import Frames
from ..video import Video

LEAST = 24
"""The 8-bit levels by which a colour must differ, once fine noise is averaged away, to count as changed."""
SPECK = 0.001
"""Smaller shares of the picture are left out."""


def changed(video: Video, edited: Mapping[int, Frames]) -> tuple[Polygon, ...]:
    """Outlines of where edited frames differ from a video's own.

    Args:
        video: The source.
        edited: Edited frames [1, 3, H, W] of its size, by the number of the frame that each replaces.

    Raises:
        ValueError: If one differs nowhere.
    """
    found: list[Polygon] = []
    for at, frame in edited.items():
        outlines = tuple(_outlines(video.clip.read(at, at + 1), frame, at))
        if not outlines:
            raise ValueError(
                f"the edited frame {at} differs nowhere from the video's, so there is no mask in it"
            )
        found += outlines
    return tuple(found)


def _outlines(one: Frames, other: Frames, at: int) -> Iterator[Polygon]:
    pictures = [np.ascontiguousarray((frame[0] * 255).permute(1, 2, 0).numpy()) for frame in (one, other)]
    before, after = (cv2.blur(picture, (5, 5)) for picture in pictures)
    differs = (np.abs(before - after).max(-1) > LEAST).astype(np.uint8)
    whole = cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    outlines, _ = cv2.findContours(whole, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for outline in outlines:
        if len(outline) >= 3 and cv2.contourArea(outline) >= SPECK * differs.size:
            yield Polygon(corners=tuple((int(x), int(y)) for x, y in outline[:, 0]), at=at)
