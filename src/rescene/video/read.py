"""Reads videos: finds out what a path holds, and cuts out the frames that are wanted."""

import logging
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from .audio import Audio
from .clip import Picked, in_memory
from .decode import FileClip
from .folders import IMAGES, is_animation, noted_rate, open_images, page_times
from .index import index
from .media import MOST_FRAMES, TooLargeError
from .timing import Position, constant_rate, frame_number
from .video import Video

log = logging.getLogger(__name__)

_IN_MEMORY = 256 << 20
"""Videos with at most this many bytes of 8-bit pixels are held in memory."""
_FOLDER_RATE = Fraction(8)


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Which frames are wanted."""

    start: Position = 0
    end: Position | None = None
    frames: int | None = None
    """At most this many, counted after `every`."""
    every: int = 1

    def slice(self, fps: Fraction, length: int) -> slice:
        """The frames of a video of `length` frames at `fps`.

        Raises:
            ValueError: if there are none, with the reason.
        """
        for name, count in (("frames", self.frames), ("every", self.every)):
            if count is not None and count < 1:
                raise ValueError(f"{name} must be at least 1, not {count}")
        start = frame_number(self.start, fps)
        stop = length if self.end is None else min(frame_number(self.end, fps), length)
        if start >= length:
            raise ValueError(
                f"start {self.start} is beyond the end of the video, "
                f"which has {length} frames in {float(length / fps):g} s"
            )
        if stop <= start:
            raise ValueError(f"end {self.end} is not after start {self.start}, so no frame is left")
        if self.frames is not None:
            stop = min(stop, start + self.frames * self.every)
        return slice(start, stop, self.every)


def read_video(
    path: Path,
    cut: Cut,
    *,
    fps: int | float | Fraction | None = None,
    hold: bool = True,
    opacity: bool = False,
) -> Video:
    """Reads the frames of `cut` from a video file or images; see `Video.read`.

    Short videos are held in memory unless `hold` is False, for those who go through the frames once: then
    what is read takes the same memory at any length. With `opacity`, frames of which something is transparent
    show how opaque they are, as greys: masks.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder; check the path")
    if path.is_dir() or (path.suffix.lower() in IMAGES and not is_animation(path)):
        video = _images(path, fps, opacity)
    elif fps is not None:
        raise ValueError(
            f"{path} has a frame rate of its own, so fps={fps} cannot be; thin it out with every"
        )
    else:
        video = _file(path, opacity)
    video = video[cut.slice(video.fps, len(video))]
    if not hold or len(video) * 3 * video.height * video.width > _IN_MEMORY:
        return video
    return replace(video, clip=in_memory(video.clip))


def _images(path: Path, fps: int | float | Fraction | None, opacity: bool) -> Video:
    clip = open_images(path, opacity=opacity)
    if path.is_file() and len(clip) > 1 and fps is None and (shown := page_times(path)):
        rate, times = constant_rate(*shown, Fraction(1, 1000), None)
        return Video(Picked(clip, [shown[0].index(time) for time in times]), rate)
    rate = noted_rate(clip.paths[0]) or _FOLDER_RATE if fps is None else Fraction(fps)
    return Video(clip, rate.limit_denominator(100_000))


def _file(path: Path, opacity: bool) -> Video:
    frames = index(path)
    fps, times = constant_rate(frames.times, frames.duration, frames.tick, frames.declared)
    if len(times) > MOST_FRAMES:
        raise TooLargeError(f"{path} would have {len(times)} frames; {MOST_FRAMES} are the most, so cut it")
    if times != frames.times:
        log.info("%s has a variable frame rate; it is read at a constant %.3f", path, float(fps))
    if lost := len(frames.times) - len(set(times)):
        log.warning(
            "%s has a variable frame rate: at the average, %.3f, %d of its %d frames are left out",
            path,
            float(fps),
            lost,
            len(frames.times),
        )
    clip = FileClip(path, frames, times, opacity=opacity)
    audio = Audio(path=path, start=frames.zero) if frames.has_audio else None
    return Video(clip, fps, audio, clip.colour)
