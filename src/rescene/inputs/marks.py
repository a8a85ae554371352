"""Marks on single frames that say what to mask: boxes, polygons and points."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from ..video import Video

Mark = TypeVar("Mark", bound="Box | Polygon | Point")


@dataclass(frozen=True, kw_only=True)
class Box:
    """A box around an object, in pixels; the object is found inside."""

    x: int
    """The left edge."""
    y: int
    """The upper edge."""
    width: int
    height: int
    at: int = 0
    """The number of the frame, counted in what is used of the clip."""

    @property
    def corners(self) -> tuple[tuple[int, int], ...]:
        """Its first and its last pixel (x, y)."""
        return (self.x, self.y), (self.x + self.width - 1, self.y + self.height - 1)


@dataclass(frozen=True, kw_only=True)
class Polygon:
    """An outline, in pixels; what it encloses is taken as it is."""

    corners: tuple[tuple[int, int], ...]
    """At least three, (x, y)."""
    at: int = 0
    """As `Box.at`."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """A pixel of an object, or beside it."""

    x: int
    y: int
    inside: bool = True
    """Whether it belongs to the object."""
    at: int = 0
    """As `Box.at`."""

    @property
    def corners(self) -> tuple[tuple[int, int], ...]:
        """The pixel itself (x, y)."""
        return ((self.x, self.y),)


@dataclass(frozen=True, kw_only=True)
class Marks:
    """All marks of a clip. Those of one frame say together what its mask is."""

    boxes: tuple[Box, ...] = ()
    polygons: tuple[Polygon, ...] = ()
    points: tuple[Point, ...] = ()

    @property
    def all(self) -> Sequence[Box | Polygon | Point]:
        """All of them."""
        return *self.boxes, *self.polygons, *self.points

    @property
    def frames(self) -> list[int]:
        """The numbers of the frames that are marked, in order."""
        return sorted({mark.at for mark in self.all})

    def on(self, frame: int) -> "Marks":
        """The marks of one frame."""

        def chosen(marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
            return tuple(mark for mark in marks if mark.at == frame)

        return Marks(boxes=chosen(self.boxes), polygons=chosen(self.polygons), points=chosen(self.points))

    def scaled(self, scale: float, size: tuple[int, int]) -> "Marks":
        """The same marks on pictures `scale` times as large, of `size` (height, width)."""

        def place(x: float, y: float) -> tuple[int, int]:
            return min(round(x * scale), size[1] - 1), min(round(y * scale), size[0] - 1)

        def box(mark: Box) -> Box:
            (x, y), (right, bottom) = place(mark.x, mark.y), place(mark.x + mark.width, mark.y + mark.height)
            return Box(x=x, y=y, width=max(1, right - x), height=max(1, bottom - y), at=mark.at)

        def point(mark: Point) -> Point:
            x, y = place(mark.x + 0.5, mark.y + 0.5)
            return Point(x=x, y=y, inside=mark.inside, at=mark.at)

        return Marks(
            boxes=tuple(map(box, self.boxes)),
            polygons=tuple(
                Polygon(corners=tuple(place(*corner) for corner in mark.corners), at=mark.at)
                for mark in self.polygons
            ),
            points=tuple(map(point, self.points)),
        )

    def check(self, video: "Video") -> None:
        """Makes sure that marks are on the video's frames, and that each marked frame shows something.

        Raises:
            ValueError: If one isn't; it names the mark and the video's size or length.
        """
        for mark in self.all:
            name = type(mark).__name__.lower()
            if not 0 <= mark.at < len(video):
                raise ValueError(
                    f"the {name} is on frame {mark.at}, and there are {len(video)}: 0 to {len(video) - 1}"
                )
            if isinstance(mark, Polygon) and len(mark.corners) < 3:
                raise ValueError(f"a polygon needs three corners or more, not {len(mark.corners)}")
            if isinstance(mark, Box) and (mark.width < 2 or mark.height < 2):
                raise ValueError(f"the box is {mark.width}x{mark.height}; it must be 2x2 or larger")
            for x, y in mark.corners:
                if not (0 <= x < video.width and 0 <= y < video.height):
                    raise ValueError(
                        f"the {name} reaches to ({x}, {y}), outside the picture of "
                        f"{video.width}x{video.height}"
                    )
        for frame in self.frames:
            here = self.on(frame)
            if not (here.boxes or here.polygons or any(point.inside for point in here.points)):
                raise ValueError(f"frame {frame} has only points outside; give a box or a point inside")
