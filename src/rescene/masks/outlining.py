"""Objects outlined on one frame: by marks, and again where a rough mask is known (grabCut).

Rother et al., "GrabCut", SIGGRAPH 2004: colours inside and outside are two mixtures of Gaussians, and the
outline is the cheapest cut between pixels that differ. OpenCV's implementation.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from ..inputs.marks import Marks

Picture = UInt8[np.ndarray, "H W 3"]
Area = Bool[np.ndarray, "H W"]
ROUNDS = 5
NOWHERE = 0, 0, 1, 1
"""A box that OpenCV asks for and doesn't read where it is given classes."""
POINT_SHARE = 1 / 6
"""How far from a point its object probably reaches, as a share of the shorter side; at most twice as far."""
POINT_DIFFERENCE = 20
"""The 8-bit levels by which colours may differ from a point's to go with it."""
RIM_SHARE = 0.03
"""The width of the rim that is outlined again, as a share of the object's size."""


@dataclass(eq=False)
class Colours:
    """What an object and its surroundings look like: two mixtures of Gaussians, as OpenCV keeps them."""

    outside: Float[np.ndarray, "1 65"] = field(default_factory=lambda: np.zeros((1, 65)))
    inside: Float[np.ndarray, "1 65"] = field(default_factory=lambda: np.zeros((1, 65)))

    def cut(self, picture: Picture, trimap: UInt8[np.ndarray, "H W"], rounds: int, mode: int) -> Area:
        """The object's pixels; `trimap` holds OpenCV's grabCut classes."""
        cv2.setRNGSeed(0)
        cv2.grabCut(picture, trimap, NOWHERE, self.outside, self.inside, rounds, mode)
        return (trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD)


def outlined(picture: Picture, marks: Marks) -> Area:
    """What the marks of one frame show; marks are in pixels of `picture`."""
    found = np.zeros(picture.shape[:2], bool)
    for box in marks.boxes:
        rough = np.zeros(found.shape, bool)
        rough[box.y : box.y + box.height, box.x : box.x + box.width] = True
        found |= _cut_within(picture, rough, rough, marks)
    if not marks.boxes and not marks.polygons:
        found |= _around_points(picture, marks)
    for polygon in marks.polygons:
        drawn = cv2.fillPoly(np.zeros(found.shape, np.uint8), [np.array(polygon.corners, np.int32)], 1)
        found |= drawn > 0
    return found


def again(picture: Picture, rough: Area, colours: Colours) -> Area:
    """The outline near that of a rough mask, by colours that are known."""
    rim = max(2, round(RIM_SHARE * rough.sum() ** 0.5))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim + 1, 2 * rim + 1))
    hard = rough.astype(np.uint8)
    core, reach = cv2.erode(hard, kernel), cv2.dilate(hard, kernel)
    trimap = np.where(hard, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    trimap[core > 0], trimap[reach == 0] = cv2.GC_FGD, cv2.GC_BGD
    rows, columns = window(reach > 0, 2 * rim + 2)
    part = np.ascontiguousarray(picture[rows, columns]), np.ascontiguousarray(trimap[rows, columns])
    if not ((part[1] == cv2.GC_FGD).any() and (part[1] == cv2.GC_BGD).any()):
        return rough
    result = np.zeros_like(rough)
    kept = Colours(colours.outside.copy(), colours.inside.copy())
    result[rows, columns] = kept.cut(*part, 1, cv2.GC_EVAL_FREEZE_MODEL)
    # Nothing thin may grow out of an object, or a mask would creep along a line of its colour.
    thick = cv2.morphologyEx(result.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    return result & (rough | thick)


def learnt(picture: Picture, area: Area) -> Colours:
    """The colours of an area and of its surroundings, up to its own size away."""
    colours = Colours()
    rows, columns = window(area, max(4, round(area.sum() ** 0.5 / 2)))
    part, inside = np.ascontiguousarray(picture[rows, columns]), area[rows, columns]
    if inside.all():
        part, inside = picture, area
    if inside.sum() >= 10 and (~inside).sum() >= 10:
        trimap = np.where(inside, cv2.GC_FGD, cv2.GC_BGD).astype(np.uint8)
        colours.cut(part, trimap, 1, cv2.GC_INIT_WITH_MASK)
    return colours


def iou(one: Area, other: Area) -> float:
    """The overlap of two masks as a share of their union; 1 if both are empty."""
    union = (one | other).sum()
    return float((one & other).sum() / union) if union else 1.0


def _cut_within(picture: Picture, rough: Area, reach: Area, marks: Marks) -> Area:
    """What stands out from what is out of reach, probably within a rough area; that area if nothing does."""
    trimap = np.where(reach, cv2.GC_PR_BGD, cv2.GC_BGD).astype(np.uint8)
    trimap[rough] = cv2.GC_PR_FGD
    for point in marks.points:
        alike = _alike(picture, (point.x, point.y)) & reach
        trimap[alike] = cv2.GC_FGD if point.inside else cv2.GC_BGD
    if reach.all():
        return rough
    found = _tidied(Colours().cut(picture, trimap, ROUNDS, cv2.GC_INIT_WITH_MASK))
    return found if found.sum() > 0.05 * rough.sum() else rough


def _around_points(picture: Picture, marks: Marks) -> Area:
    """What stands out around the points, of the parts that hold one."""
    inside = [(point.x, point.y) for point in marks.points if point.inside]
    away = np.ones(picture.shape[:2], np.uint8)
    for x, y in inside:
        away[y, x] = 0
    pixels = cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) / min(picture.shape[:2])
    found = _cut_within(picture, pixels <= POINT_SHARE, pixels <= 2 * POINT_SHARE, marks)
    _, labels = cv2.connectedComponents(found.astype(np.uint8))
    held = {labels[y, x] for x, y in inside} - {0}
    return np.isin(labels, list(held)) if held else found


def _alike(picture: Picture, place: tuple[int, int]) -> Area:
    """The pixels around a place (x, y), as far as they have its colour."""
    found = np.zeros((picture.shape[0] + 2, picture.shape[1] + 2), np.uint8)
    near = (POINT_DIFFERENCE,) * 3
    flags = cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | 4
    cv2.floodFill(cv2.medianBlur(picture, 5), found, place, 0, near, near, flags)
    return found[1:-1, 1:-1] > 0


def _tidied(area: Area) -> Area:
    """An area without its specks, and with small holes filled."""
    count, labels, facts, _ = cv2.connectedComponentsWithStats(area.astype(np.uint8))
    if count < 2:
        return area
    sizes = facts[1:, cv2.CC_STAT_AREA]
    kept = np.isin(labels, 1 + np.flatnonzero(sizes >= 0.1 * sizes.max()))
    count, labels, facts, _ = cv2.connectedComponentsWithStats((~kept).astype(np.uint8))
    small = facts[1:, cv2.CC_STAT_AREA] < 0.02 * kept.sum()
    return kept | np.isin(labels, 1 + np.flatnonzero(small))


def window(area: Area, margin: int) -> tuple[slice, slice]:
    """The rows and columns of an area, and some around."""
    rows, columns = np.flatnonzero(area.any(1)), np.flatnonzero(area.any(0))
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + margin + 1),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + margin + 1),
    )
