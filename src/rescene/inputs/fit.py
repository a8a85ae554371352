"""A size and length that a model can work at, and the way back to the source's."""

from dataclasses import dataclass
from math import ceil, sqrt
from typing import TYPE_CHECKING

from .grid import Grid

if TYPE_CHECKING:
    from ..video import Video

LARGEST = 16384
"""Pixels of a side, at most: no model works at more."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Scales a video to `content`, pads it to `size` and to `length` frames, and undoes all three.

    Sizes are (height, width) in pixels.
    """

    source: tuple[int, int]
    """The video's own size."""
    content: tuple[int, int]
    """The picture within the working size, in the source's aspect ratio."""
    size: tuple[int, int]
    """The working size: a multiple of the grid's stride."""
    frames: int | None = None
    """The video's own number of frames, where the working length may be another; None if it is the same."""
    length: int | None = None
    """The working number of frames: the last frame is repeated up to it."""

    def __post_init__(self) -> None:
        for name, (height, width) in (("size", self.size), ("content", self.content)):
            if not (0 < height <= LARGEST and 0 < width <= LARGEST):
                raise ValueError(
                    f"a {name} of {width}x{height} can't be worked at: a side has from 1 to {LARGEST} pixels"
                )
        if any(inner > outer for inner, outer in zip(self.content, self.size, strict=True)):
            raise ValueError(f"the content {self.content} is larger than the size to work at, {self.size}")
        counts = [count for count in (self.frames, self.length) if count is not None]
        if counts and not (len(counts) == 2 and 0 < counts[0] <= counts[1] <= 2 * counts[0] + 64):
            raise ValueError(f"{self.frames} frames can't be worked at as {self.length}")

    @classmethod
    def to(cls, video: "Video", *, area: int, grid: Grid, size: tuple[int, int] | None = None) -> "Fit":
        """Chooses the working size and length.

        Args:
            video: The video to fit.
            area: Pixels of the model's native resolution, such as 512 * 512.
            grid: The model's grid, of whose stride the sides must be multiples.
            size: A size to use instead of choosing one; the picture is fitted into it.

        Raises:
            ValueError: If `size` is not a multiple of the stride.
        """
        source, length = (video.height, video.width), grid.longer(len(video))
        time = {} if length == len(video) else {"frames": len(video), "length": length}
        if size is None:
            content = _near(source, area, grid.stride)
            return cls(source=source, content=content, size=_up(content, grid.stride), **time)
        if any(side % grid.stride for side in size) and all(0 < side <= LARGEST for side in size):
            near = " x ".join(str(max(1, round(side / grid.stride)) * grid.stride) for side in size)
            raise ValueError(
                f"a size of {size[0]} x {size[1]} (height x width) is not a multiple of {grid.stride}; "
                f"the nearest that is one is {near}"
            )
        return cls(source=source, content=_inside(source, size), size=size, **time)

    @classmethod
    def whole(cls, video: "Video", *, grid: Grid) -> "Fit":
        """The video's own size, padded up to multiples of the stride: nothing is scaled."""
        source = video.height, video.width
        return cls.to(video, area=1, grid=grid, size=_up(source, grid.stride))._keeping(source)

    def apply(self, video: "Video") -> "Video":
        """The video at the working size and length."""
        _check(video, self.source)
        fitted = self.still(video)
        return fitted if self.length is None else fitted.lengthen(self.length)

    def still(self, video: "Video") -> "Video":
        """A video of the source's size at the working size, of whatever length."""
        return video.resize(*self.content).pad(*self.size)

    def follow(self, video: "Video") -> "Video":
        """A video that accompanies the source, of whatever size, at the working size and length.

        Raises:
            ValueError: If it has another length or shape than the source.
        """
        content = _inside((video.height, video.width), self.size)
        if any(abs(own - ours) > max(1, ours // 16) for own, ours in zip(content, self.content, strict=True)):
            height, width = self.source
            raise ValueError(
                f"the control video is {video.width}x{video.height}, of another shape than the video's "
                f"{width}x{height}; crop it"
            )
        fitted = video.resize(*self.content).pad(*self.size)
        return fitted if self.length is None else fitted.lengthen(self.length)

    def restore(self, video: "Video") -> "Video":
        """A result at the working size and length, at the source's."""
        _check(video, self.size)
        restored = video.crop(*self.content).resize(*self.source)
        return restored if self.frames is None else restored[: self.frames]

    def _keeping(self, content: tuple[int, int]) -> "Fit":
        return Fit(
            source=self.source, content=content, size=self.size, frames=self.frames, length=self.length
        )


def _inside(source: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """The largest picture of the source's shape that fits into a size."""
    scale = min(size[0] / source[0], size[1] / source[1])
    return max(1, round(source[0] * scale)), max(1, round(source[1] * scale))


def _near(source: tuple[int, int], area: int, stride: int) -> tuple[int, int]:
    """The source's shape at about `area` pixels, its longer side a multiple of `stride`."""
    height, width = source
    scale = sqrt(area / (height * width))
    if width >= height:
        fitted = max(1, round(width * scale / stride)) * stride
        return max(1, round(height * fitted / width)), fitted
    fitted = max(1, round(height * scale / stride)) * stride
    return fitted, max(1, round(width * fitted / height))


def _up(size: tuple[int, int], stride: int) -> tuple[int, int]:
    return ceil(size[0] / stride) * stride, ceil(size[1] / stride) * stride


def _check(video: "Video", size: tuple[int, int]) -> None:
    if (video.height, video.width) != size:
        raise ValueError(
            f"this fit is for videos of {size[1]}x{size[0]}, but this one is {video.width}x{video.height}"
        )
