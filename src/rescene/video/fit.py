"""A size that a model can work at, and the way back to the source's."""

from dataclasses import dataclass
from math import ceil, sqrt

from .video import Video


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Scales a video to `content`, pads it to `size`, and undoes both. Sizes are (height, width)."""

    source: tuple[int, int]
    content: tuple[int, int]
    """The picture within the working size, in the source's aspect ratio."""
    size: tuple[int, int]
    """The working size: a multiple of the model's stride."""

    @classmethod
    def to(cls, video: Video, *, area: int, stride: int, size: tuple[int, int] | None = None) -> "Fit":
        """Chooses the working size.

        Args:
            video: what to fit.
            area: pixels of the model's native resolution, such as 512 * 512.
            stride: the sides must be multiples of it.
            size: a size to use instead of choosing one; the picture is fitted into it.

        Raises:
            ValueError: if `size` is not a multiple of `stride`.
        """
        source = (video.height, video.width)
        if size is None:
            content = _near(source, area, stride)
            return cls(source=source, content=content, size=_up(content, stride))
        if any(side <= 0 or side % stride for side in size):
            near = " x ".join(str(max(1, round(side / stride)) * stride) for side in size)
            raise ValueError(
                f"a size of {size[0]} x {size[1]} (height x width) is not a multiple of {stride}; "
                f"the nearest that is one is {near}"
            )
        scale = min(size[0] / source[0], size[1] / source[1])
        height, width = (max(1, round(side * scale)) for side in source)
        return cls(source=source, content=(height, width), size=size)

    def apply(self, video: Video) -> Video:
        """The video at the working size."""
        _check(video, self.source)
        return video.resize(*self.content).pad(*self.size)

    def restore(self, video: Video) -> Video:
        """A result at the working size, at the source's size."""
        _check(video, self.size)
        return video.crop(*self.content).resize(*self.source)


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


def _check(video: Video, size: tuple[int, int]) -> None:
    if (video.height, video.width) != size:
        raise ValueError(
            f"this fit is for videos of {size[1]}x{size[0]}, but this one is {video.width}x{video.height}"
        )
