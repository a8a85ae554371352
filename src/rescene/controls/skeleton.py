"""Draws people as OpenPose does, which is how pose ControlNets were shown them (Cao et al., 2019)."""

import colorsys
import math

import cv2
import numpy as np
from jaxtyping import Float, UInt8

KEYPOINTS = 18
"""Nose, neck; right and left shoulder, elbow, wrist; right and left hip, knee, ankle; eyes; ears."""
LIMBS = (
    *((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13)),
    *((1, 0), (0, 14), (14, 16), (0, 15), (15, 17)),
)
"""Pairs of keypoints, in the order in which they are coloured and drawn."""
CONFIDENCE = 0.3
"""Keypoints below this aren't drawn."""
STICK, DOT = 4, 4
"""Half the width of limbs and the radius of joints, in pixels, for frames of 512 pixels."""
LIMB_BRIGHTNESS = 0.6


def colour(index: int) -> tuple[int, int, int]:
    """OpenPose's rainbow: steps of 20 degrees from red, as far as whole thirds of 255 go."""
    return tuple(round(round(3 * part) * 85) for part in colorsys.hsv_to_rgb(index / KEYPOINTS, 1, 1))  # pyright: ignore


def draw(
    size: tuple[int, int], people: Float[np.ndarray, "P 18 2"], scores: Float[np.ndarray, "P 18"]
) -> UInt8[np.ndarray, "H W 3"]:
    """Skeletons on black.

    Args:
        size: Rows and columns of the frame.
        people: Keypoints in pixels, x before y.
        scores: How sure each is, from 0 to 1.
    """
    frame, scale = np.zeros((*size, 3), np.uint8), max(size) / 512
    stick, dot = max(1, round(STICK * scale)), max(1, round(DOT * scale))
    for points, sure in zip(people, scores >= CONFIDENCE, strict=True):
        for index, (a, b) in enumerate(LIMBS):
            if sure[a] and sure[b]:
                _limb(frame, points[a], points[b], stick, colour(index))
    frame = (frame * LIMB_BRIGHTNESS).astype(np.uint8)
    for points, sure in zip(people, scores >= CONFIDENCE, strict=True):
        for index in np.flatnonzero(sure):
            cv2.circle(frame, _pixel(points[index]), dot, colour(int(index)), thickness=-1)
    return frame


def _limb(frame: np.ndarray, a: np.ndarray, b: np.ndarray, stick: int, rgb: tuple[int, int, int]) -> None:
    length, angle = math.dist(a, b), math.degrees(math.atan2(b[1] - a[1], b[0] - a[0]))
    outline = cv2.ellipse2Poly(_pixel((a + b) / 2), (int(length / 2), stick), int(angle), 0, 360, 1)
    cv2.fillConvexPoly(frame, np.array(outline), rgb)


def _pixel(point: np.ndarray) -> tuple[int, int]:
    return int(point[0]), int(point[1])
