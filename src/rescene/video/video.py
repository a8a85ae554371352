"""The value that everything outside the networks speaks: frames, their rate, and the sound with them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor

from ..typing import Frames
from .audio import Audio
from .clip import Clip, Cropped, Padded, Picked, Resized, TensorClip
from .colour import Colour
from .metadata import DigitalSourceType
from .timing import Position


@dataclass(frozen=True, eq=False)
class Video:
    """Frames at a constant rate, with the sound and the colour tags that belong to them.

    Nothing here changes a video in place or decodes more than is asked for: cutting, resizing and the like
    give a new `Video`, whose frames are made when they are read.
    """

    clip: Clip
    fps: Fraction
    audio: Audio | None = None
    colour: Colour = field(default_factory=Colour)

    def __post_init__(self) -> None:
        if self.fps <= 0:
            raise ValueError(f"a video needs a frame rate above 0, not {self.fps}")
        if not len(self.clip):
            raise ValueError("a video needs at least one frame, but there are none")

    @classmethod
    def of(cls, frames: UInt8[Tensor, "F 3 H W"] | Frames, fps: int | float | Fraction) -> "Video":
        """A video from frames in memory: 8-bit, or floating point in [0, 1]."""
        if frames.is_floating_point() and frames.numel():
            low, high = (float(bound) for bound in frames.aminmax())
            if not (low >= -1e-3 and high <= 1 + 1e-3):
                raise ValueError(
                    f"frames must lie in [0, 1], but these span [{low:.3g}, {high:.3g}]; scale or clamp them"
                )
        return cls(TensorClip(frames), Fraction(fps).limit_denominator(100_000))

    @classmethod
    def read(
        cls,
        path: str | Path,
        *,
        start: Position = 0,
        end: Position | None = None,
        frames: int | None = None,
        every: int = 1,
        fps: int | float | Fraction | None = None,
    ) -> "Video":
        """Reads a video file, a folder of images, or one image.

        Short ones are held in memory; above 256 MB of pixels they are decoded when read. A variable frame
        rate becomes a constant one of the same duration.

        Args:
            path: mp4, mov, webm, mkv, avi, gif and the like, or images in natural order.
            start: the first frame. A whole number is a frame number; a float (seconds) or a text like
                "1.5", "2s" or "00:01:02.5" is a time.
            end: the frame after the last, likewise; beyond the end of the video it means the end.
            frames: at most this many frames.
            every: keep only every n-th frame; the frame rate falls with it.
            fps: the rate of a folder of images; 8, or what `write` noted in it, if not given.

        Raises:
            FileNotFoundError: if there is nothing at `path`.
            ValueError: if it is no video, or the wanted frames are not in it.
        """
        # Reading and writing build on this class, so they are imported late.
        from .read import Cut, read_video

        return read_video(Path(path), Cut(start=start, end=end, frames=frames, every=every), fps=fps)

    def write(
        self,
        path: str | Path,
        *,
        overwrite: bool = False,
        label: str | None = None,
        settings: str | None = None,
        source_type: DigitalSourceType | None = DigitalSourceType.EDITED,
    ) -> None:
        """Writes the video, whole or not at all.

        Args:
            path: the suffix chooses the format: .mp4 or .mov (H.264), .webm (VP9), .mkv (lossless FFV1),
                .gif; none, or a slash at the end, makes a folder of PNGs. Missing parent folders are made.
            overwrite: replace what is there.
            label: a text for the lower right corner of every frame.
            settings: JSON to keep in the file's comment; `read_metadata` gives it back.
            source_type: marks AI-made media, in the file's metadata; None for a recording.

        Raises:
            FileExistsError: if there is something at `path` already.
            ValueError: if the suffix is unknown.
            DiskFullError: if there is no room.
        """
        from .metadata import Metadata
        from .write import write_video

        metadata = Metadata(settings=settings, source_type=source_type)
        write_video(self, str(path), overwrite=overwrite, label=label, metadata=metadata)

    def __len__(self) -> int:
        return len(self.clip)

    def __repr__(self) -> str:
        sound = ", with sound" if self.audio else ""
        return f"Video({len(self)} frames of {self.width}x{self.height} at {float(self.fps):g} fps{sound})"

    @property
    def height(self) -> int:
        return self.clip.height

    @property
    def width(self) -> int:
        return self.clip.width

    @property
    def duration(self) -> Fraction:
        """In seconds."""
        return len(self) / self.fps

    @property
    def frames(self) -> Frames:
        """All frames at once; prefer `chunks` for a long video."""
        return self.clip.read(0, len(self))

    def chunks(self, length: int) -> Iterator[Frames]:
        """All frames in order, `length` at a time; the last run may be shorter."""
        for start in range(0, len(self), length):
            yield self.clip.read(start, min(start + length, len(self)))

    def __getitem__(self, frames: slice) -> "Video":
        """The frames of a slice, with their part of the sound; a step lowers the rate, not the duration."""
        if not isinstance(frames, slice):
            raise TypeError(f"a video is cut by slices, not by {frames!r}; write video[{frames}:{frames}+1]")
        picked = range(len(self))[frames]
        if picked.step < 0:
            raise ValueError(f"a video cannot be cut backwards, but the step is {picked.step}")
        if not picked:
            raise ValueError(
                f"no frames from {frames.start or 0} to {frames.stop}; the video has {len(self)} frames"
            )
        if picked == range(len(self)):
            return self
        ends = min(picked[-1] + picked.step, len(self))
        sound = self.audio and self.audio.cut(
            picked.start / self.fps, None if ends == len(self) else ends / self.fps
        )
        return replace(self, clip=Picked(self.clip, picked), fps=self.fps / picked.step, audio=sound)

    def resize(self, height: int | None = None, width: int | None = None) -> "Video":
        """Scales to a size; where only one side is given, the other follows the aspect ratio."""
        if height is None and width is None:
            raise ValueError("resize needs a height, a width, or both")
        height = height or max(1, round(self.height * (width or 0) / self.width))
        width = width or max(1, round(self.width * height / self.height))
        if (height, width) == (self.height, self.width):
            return self
        return replace(self, clip=Resized(self.clip, height, width))

    def crop(self, height: int, width: int, *, top: int | None = None, left: int | None = None) -> "Video":
        """Cuts a part out of each frame: the middle, unless `top` and `left` say where."""
        top, left = _place(self.height - height, top), _place(self.width - width, left)
        if not (0 <= top <= self.height - height and 0 <= left <= self.width - width):
            raise ValueError(
                f"a crop of {width}x{height} at ({left}, {top}) leaves a frame of {self.width}x{self.height}"
            )
        return replace(self, clip=Cropped(self.clip, top, left, height, width))

    def cover(self, height: int, width: int) -> "Video":
        """Scales each frame, its aspect ratio kept, until it covers a size, and cuts out the middle."""
        scale = max(height / self.height, width / self.width)
        size = max(height, round(self.height * scale)), max(width, round(self.width * scale))
        return self.resize(*size).crop(height, width)

    def pad(self, height: int, width: int) -> "Video":
        """Enlarges each frame evenly on all sides by repeating its edge pixels; `crop` undoes it."""
        top, left = _place(height - self.height), _place(width - self.width)
        if top < 0 or left < 0:
            raise ValueError(
                f"cannot pad {self.width}x{self.height} to the smaller {width}x{height}; resize it"
            )
        if (height, width) == (self.height, self.width):
            return self
        return replace(self, clip=Padded(self.clip, top, left, height, width))

    def lengthen(self, frames: int) -> "Video":
        """Repeats the last frame until there are `frames`; a cut undoes it. The sound stays as it is."""
        if frames < len(self):
            raise ValueError(f"cannot lengthen {len(self)} frames to {frames}; cut the video instead")
        if frames == len(self):
            return self
        last = len(self) - 1
        return replace(self, clip=Picked(self.clip, [*range(last), *[last] * (frames - last)]))


def _place(room: int, wanted: int | None = None) -> int:
    return room // 2 if wanted is None else wanted
