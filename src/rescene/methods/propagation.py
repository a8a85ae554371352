"""One run of I2VEdit: the clips of a video, one after the other, for all edits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from ..backbones.motion_lora import MotionLoRA
from ..backbones.stable_video import AUGMENTATION, DECODED_AT_ONCE, Lead, StableVideo, counted
from ..cache import Unfinished
from ..progress import Progress
from ..sampling.noise import frame_noise
from ..typing import Frames, Latents
from ..video import Video
from .edited_clip import EditedClip, compute_now
from .source_clip import SourceClip
from .spans import Segment, Span

if TYPE_CHECKING:
    from .i2vedit import I2VEdit

Picture = Float[Tensor, "1 3 H W"]
KeyFrames = Mapping[int, Picture]
"""Edited frames by the number of the frame that each replaces."""


@dataclass(frozen=True, eq=False)
class Finished:
    """What a clip has become."""

    span: Span
    latents: Latents

    def unscaled(self, model: StableVideo, frame: int) -> Latents:
        """One frame of the video as what leads a clip: never decoded and encoded again."""
        return self.latents[frame - self.span.frames.start :][:1] / model.vae.config.scaling_factor

    def picture(self, model: StableVideo, frame: int) -> Picture:
        """The same frame decoded, together with those that the decoder mixes it with."""
        run = self.run(frame)
        pixels = model.pixels(self.latents[run.start : run.stop])
        return pixels[frame - self.span.frames.start - run.start :][:1]

    def run(self, frame: int) -> range:
        """Which of the clip's frames are decoded together with a frame of the video."""
        own = range(len(self.latents))
        start = (frame - self.span.frames.start) // DECODED_AT_ONCE * DECODED_AT_ONCE
        return own[start : start + DECODED_AT_ONCE]


@dataclass(frozen=True, eq=False)
class Propagation:
    """The edits of one video."""

    settings: "I2VEdit"
    model: StableVideo
    video: Video
    edits: Sequence[KeyFrames]
    segments: Sequence[Segment]
    loras: Sequence[MotionLoRA]
    progress: Progress
    unfinished: Unfinished | None

    def videos(self) -> list[Video]:
        """Makes all clips; their frames are decoded when they are read."""
        finished: list[list[Finished]] = [[] for _ in self.edits]
        for segment in self.segments:
            first_source: SourceClip | None = None
            firsts = dict[int, EditedClip]()
            look_back = self.settings.skip_interval and len(segment.spans) > 1
            for span in segment.spans:
                source, is_first = self.source(span, first_source), span.overlap == 0
                for edit, done in enumerate(finished):
                    lead = self.lead(edit, span, done)
                    clip = self.clip(edit, span, source, lead, firsts.get(edit), look_back and is_first)
                    done.append(Finished(span, clip.latents[-1]))
                    if look_back and is_first:
                        firsts[edit], first_source = clip, source
        return [replace(self.video, clip=DecodedClips(self.model, done)) for done in finished]

    def source(self, span: Span, first: SourceClip | None) -> SourceClip:
        """The source of one clip."""
        return self.settings.source(
            self.model,
            self.video,
            span,
            first=first,
            progress=self.progress,
            description=f"Inverting {self._number(span)}",
        )

    def clip(
        self,
        edit: int,
        span: Span,
        source: SourceClip,
        lead: Lead,
        first: EditedClip | None,
        is_looked_at: bool,
    ) -> EditedClip:
        """One clip of one edit, not yet computed."""
        index = self._spans.index(span)
        unfinished = self.unfinished
        keep = compute_now if unfinished is None else partial(unfinished.cached, f"{edit}-{index}")
        return EditedClip(
            source=source,
            lead=lead,
            following=self.settings.following(len(span.frames)),
            guidance_scale=self.settings.guidance_scale,
            first=first,
            whole=is_looked_at,
            motion=self.loras[min(index, len(self.loras) - 1)] if self.loras else None,
            progress=self.progress,
            description=f"Editing {self._number(span)}",
            keep=keep,
        )

    def lead(self, edit: int, span: Span, done: list[Finished]) -> Lead:
        """What leads a clip: a key frame, or the edit so far, whose latents are taken over as they are."""
        start = span.frames.start
        if span.overlap:
            picture, image = done[-1].picture(self.model, start), done[-1].unscaled(self.model, start)
        else:
            picture = self.edits[edit][start]
            image = self.model.image(picture)
        noise = frame_noise(image.shape[1:], [start], self.settings.seed, "lead")
        return Lead(
            self.model.embed(picture), image + AUGMENTATION * noise.to(image), counted(self.video.fps)
        )

    @cached_property
    def _spans(self) -> list[Span]:
        return [span for segment in self.segments for span in segment.spans]

    def _number(self, span: Span) -> str:
        return f"{self._spans.index(span) + 1}/{len(self._spans)}"


@dataclass(frozen=True, eq=False)
class DecodedClips:
    """A video that decodes clips when its frames are read (`video.Clip`)."""

    model: StableVideo
    clips: Sequence[Finished]
    decoded: dict[tuple[int, int], Frames] = field(default_factory=dict[tuple[int, int], Frames], repr=False)
    """The last run of frames that was decoded, by clip and place in it."""

    def __len__(self) -> int:
        return self.clips[-1].span.frames.stop

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return self.clips[0].latents.shape[-2] * self.model.scale

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return self.clips[0].latents.shape[-1] * self.model.scale

    def read(self, start: int, stop: int) -> Frames:
        """Decodes the frames from `start` up to `stop`, and those that are decoded with them."""
        return torch.cat([self._frame(frame) for frame in range(start, stop)])

    def _frame(self, frame: int) -> Picture:
        index = next(i for i, clip in enumerate(self.clips) if frame < clip.span.frames.stop)
        clip = self.clips[index]
        run = clip.run(frame)
        if (index, run.start) not in self.decoded:
            self.decoded.clear()
            self.decoded[index, run.start] = self.model.pixels(clip.latents[run.start : run.stop])
        return self.decoded[index, run.start][frame - clip.span.frames.start - run.start :][:1]
