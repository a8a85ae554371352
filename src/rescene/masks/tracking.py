"""Marks on a few frames become a mask of every frame."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
import torch
from jaxtyping import UInt8

from ..inputs.marks import Marks
from ..progress import Progress, quiet
from ..typing import Frames
from ..video import Video
from ..video.clip import Clip
from .carrying import Carried, walk
from .outlining import Picture, outlined

SHORTEST, LONGEST = 256, 640
"""Pixels of the longer side of the pictures that masks are found on."""
MOST_TOLD = 4
"""Runs of frames that a message names."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Tracked:
    """A mask of every frame."""

    mattes: UInt8[np.ndarray, "F h w"]
    """255 inside and 0 outside, at the size that the tracker works at."""
    doubts: Mapping[int, str]
    """Frames whose mask may be wrong, and why."""


@runtime_checkable
class Tracker(Protocol):
    """Carries marks through a clip."""

    @property
    def title(self) -> str:
        """The name of it, for people."""
        ...

    def __call__(self, video: Video, marks: Marks, progress: Progress) -> Tracked:
        """The mask of every frame."""
        ...


@dataclass(frozen=True)
class ByFlow:
    """Carries marks by OpenCV alone: grabCut, optical flow both ways, and the object's looks."""

    title: str = "OpenCV (grabCut and optical flow)"

    def __call__(self, video: Video, marks: Marks, progress: Progress) -> Tracked:
        """Carries the marks from each marked frame to the frames that are nearest to it."""
        scale = working_scale(video)
        picture = pictures(video, scale)
        size = picture(0).shape[:2]
        mattes, doubts = np.zeros((len(video), *size), np.uint8), dict[int, str]()

        def masks() -> Iterable[tuple[int, Carried]]:
            for frame, backwards, onwards in spans(marks.frames, len(video)):
                begun = Carried.begun(
                    picture(frame), outlined(picture(frame), marks.on(frame).scaled(scale, size))
                )
                yield frame, begun
                yield from walk(begun, onwards, picture)
                yield from walk(begun, backwards, picture)

        for number, carried in progress(masks(), description="Masking", total=len(video)):
            mattes[number] = 255 * carried.area
            if carried.doubt:
                doubts[number] = carried.doubt
        return Tracked(mattes=mattes, doubts=doubts)


@dataclass(frozen=True, eq=False)
class TrackedClip:
    """A mask as a grey clip of a video's size, found when it is first read."""

    video: Video
    marks: Marks
    tracker: Tracker
    progress: Progress = quiet

    @property
    def height(self) -> int:
        return self.video.height

    @property
    def width(self) -> int:
        return self.video.width

    def __len__(self) -> int:
        return len(self.video)

    @cached_property
    def tracked(self) -> Tracked:
        """The mask; warns of frames in which it may be wrong."""
        found = self.tracker(self.video, self.marks, self.progress)
        if found.doubts:
            warnings.warn(
                f"the mask, carried by {self.tracker.title}, may be wrong in {told(found.doubts)}; look at "
                "it with `rescene mask`, and mark the object there too",
                stacklevel=2,
            )
        return found

    def read(self, start: int, stop: int) -> Frames:
        found, size = self.tracked.mattes[start:stop], (self.width, self.height)
        larger = self.height < found.shape[1]
        way = cv2.INTER_AREA if larger else cv2.INTER_CUBIC
        hard = [cv2.resize(matte, size, interpolation=way) > 127 for matte in found]
        return torch.from_numpy(np.stack(hard))[:, None].expand(-1, 3, -1, -1).float()


def tracked(video: Video, marks: Marks, tracker: Tracker, progress: Progress = quiet) -> Video:
    """A grey video, white where the marked objects are; found when it is first read.

    Raises:
        ValueError: If a mark isn't on the video.
    """
    marks.check(video)
    return replace(video, clip=TrackedClip(video, marks, tracker, progress), audio=None)


def spans(marked: list[int], length: int) -> Iterable[tuple[int, range, range]]:
    """For each marked frame, itself and the frames before and after that are nearest to it."""
    for index, frame in enumerate(marked):
        first = 0 if index == 0 else (marked[index - 1] + frame) // 2 + 1
        last = length - 1 if frame == marked[-1] else (frame + marked[index + 1]) // 2
        yield frame, range(frame - 1, first - 1, -1), range(frame + 1, last + 1)


def told(doubts: Mapping[int, str]) -> str:
    """Frames and reasons in words, such as "frames 8-13 (a cut)"."""
    runs: list[str] = []
    for _, group in groupby(enumerate(sorted(doubts)), lambda pair: (pair[1] - pair[0], doubts[pair[1]])):
        frames = [frame for _, frame in group]
        name = f"frame {frames[0]}" if len(frames) == 1 else f"frames {frames[0]}-{frames[-1]}"
        runs.append(f"{name} ({doubts[frames[0]]})")
    more = f" and {len(runs) - MOST_TOLD} more places" if len(runs) > MOST_TOLD else ""
    return ", ".join(runs[:MOST_TOLD]) + more


def working_scale(video: Video) -> float:
    """How much larger the pictures are that masks are found on."""
    longer = max(video.height, video.width)
    return min(max(longer, SHORTEST), LONGEST) / longer


def pictures(video: Video, scale: float) -> Callable[[int], Picture]:
    """Reads a video's frames as OpenCV has them: 8-bit, blue first, scaled."""
    clip: Clip = video.clip
    size = max(1, round(video.width * scale)), max(1, round(video.height * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC

    def read(number: int) -> Picture:
        frame = clip.read(number, number + 1)[0].permute(1, 2, 0).mul(255).round().byte().numpy()
        return cv2.resize(np.ascontiguousarray(frame[..., ::-1]), size, interpolation=way)

    return read
