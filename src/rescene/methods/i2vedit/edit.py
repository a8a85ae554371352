"""I2VEdit at work (Ouyang et al., SIGGRAPH Asia 2024).

An image-to-video model animates the edited frame. So that it moves as the source does, the source is
inverted, and the edit starts from its noise and attends over time as it did. Where the edit still resembles
the source it also attends as the source did within each frame. Long videos go clip by clip: each starts from
the latents in which the one before it ended, and looks at the first one to keep its look.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import torch

from ...backbones import Backbone, Picture
from ...backbones.changes import MotionLoRA, check_motion_lora
from ...fields import steps_within
from ...inputs import Inputs
from ...sampling.noise import frame_noise
from ...typing import Frames, Latents
from ...video import Video
from ...video.clip import Clip, Joined
from ..cost import latent_bytes, latent_size
from ..method import Cost, Run
from . import I2VEdit
from .edited import EditedClip, Following, compute_now
from .source import SourceClip, prepare
from .spans import Segment, Span, segments

EDIT_BRANCHES = 2
"""Of a pass: the edit without and with its picture. The source runs along if the edit follows it."""


@dataclass(frozen=True)
class I2VEditWork:
    """One edit on one model."""

    settings: I2VEdit
    model: Backbone

    def check(self, inputs: Inputs) -> None:
        """Makes sure that key frames, clips and LoRAs go together and fit the model."""
        assert inputs.video
        for number, picture in inputs.key_frames.items():
            if picture.shape[-2:] != (inputs.video.height, inputs.video.width):
                raise ValueError(
                    f"the key frame at {number} is {picture.shape[-1]}x{picture.shape[-2]} and the video "
                    f"{inputs.video.width}x{inputs.video.height}; they must have the same size"
                )
        self.model.schedule(self.settings.num_inference_steps, invert=True)
        clips, loras = len(spans_of(self.segments(inputs))), self.settings.motion_lora
        if len(loras) not in (0, 1, clips):
            raise ValueError(
                f"there are {len(loras)} motion LoRAs and {clips} clips; give one for all, or one for each"
            )
        for path in loras:
            check_motion_lora(path, self.model)

    def cost(self, inputs: Inputs) -> Cost:
        """The cost: a pass to noise and three branches back, more where later clips look at the first one.

        Without an inversion it is two branches, without the source's.
        """
        video, settings, model = inputs.video, self.settings, self.model
        assert video
        spans, steps = spans_of(self.segments(inputs)), settings.num_inference_steps
        frames, longest = sum(len(span.frames) for span in spans), max(len(span.frames) for span in spans)
        later = sum(len(span.frames) for span in spans[1:]) if settings.skip_interval else 0
        source = 1 if settings.inversion else 0
        branches = source + EDIT_BRANCHES
        trajectory = (steps + 1) * latent_bytes(model, video[:longest])
        return Cost(
            steps=steps,
            evaluations=steps * (frames + later) * (source + branches),
            again=steps * (frames + later) * branches,
            memory={
                "weights": model.weight_bytes() + sum(path.stat().st_size for path in settings.motion_lora),
                "trajectory": trajectory * (source + (1 if later else 0)),
                "latents": latent_bytes(model, video),
                "activations": branches * longest * model.activation_bytes(latent_size(model, video)),
            },
            disk={"inversion": trajectory * len(spans) * source},
            remarks=(f"{len(spans)} clips of up to {longest} frames, one after the other",),
        )

    def __call__(self, inputs: Inputs, run: Run) -> Video:
        """Makes the clips one after the other; their frames are decoded when they are read."""
        video, done = inputs.video, list[Finished]()
        assert video
        clips = Clips(self, inputs, run, spans_of(self.segments(inputs)))
        for segment in self.segments(inputs):
            first: EditedClip | None = None
            looks_back = self.settings.skip_interval and len(segment.spans) > 1
            for span in segment.spans:
                source = clips.source(span, first and first.source)
                is_first = span.overlap == 0
                clip = clips.edited(span, source, clips.lead(span, done), first, looks_back and is_first)
                done.append(Finished(span, self.model.decode(clip.latents[-1], like=video), clip.latents[-1]))
                if looks_back and is_first:
                    first = clip
        return replace(video, clip=Joined([each.fresh for each in done]))

    def segments(self, inputs: Inputs) -> list[Segment]:
        """The clips that each key frame leads.

        Raises:
            ValueError: If a key frame is out of place, or the video too short.
        """
        assert inputs.video
        length = self.settings.clip_length or self.model.native_frames
        assert length
        return segments(len(inputs.video), length, sorted(inputs.key_frames))

    @cached_property
    def loras(self) -> Sequence[MotionLoRA]:
        """The motion LoRAs."""
        weight = self.settings.motion_lora_weight
        return [MotionLoRA.load(path, self.model, weight=weight) for path in self.settings.motion_lora]

    def source(self, video: Video, span: Span, first: SourceClip | None, run: Run, title: str) -> SourceClip:
        """The source of one clip, not yet inverted."""

        def prepared() -> tuple[Latents, Picture]:
            clip = video[span.frames.start : span.frames.stop]
            names = self.settings.seed, "source", span.frames.start
            return prepare(self.model, clip, smooth_noise=self.settings.smooth_noise, names=names)

        return SourceClip(
            model=self.model,
            prepare=prepared,
            num_inference_steps=self.settings.num_inference_steps,
            first=first,
            progress=run.progress,
            description=f"Inverting{title}",
        )

    def following(self, frames: int) -> Following:
        """How a clip follows its source."""
        settings, steps = self.settings, self.settings.num_inference_steps
        if not settings.inversion:
            return Following(every_layer=range(0), deep_layers=range(0), thresholds=torch.zeros(frames))
        first, last = settings.mask_threshold
        return Following(
            every_layer=steps_within(settings.motion_window, steps),
            deep_layers=steps_within(settings.deep_motion_window, steps),
            thresholds=first + (last - first) * torch.arange(frames) / frames,
        )


@dataclass(frozen=True, eq=False)
class Finished:
    """A clip that is done."""

    span: Span
    video: Video
    """All of its frames, decoded when they are read."""
    latents: Latents

    @property
    def fresh(self) -> Clip:
        """The frames that no earlier clip has made."""
        return self.video[self.span.overlap :].clip

    def frame(self, number: int) -> Frames:
        """One frame of the whole video, decoded together with those that the decoder mixes it with."""
        own = number - self.span.frames.start
        return self.video.clip.read(own, own + 1)

    def latents_of(self, number: int) -> Latents:
        """The latents of one frame of the whole video: never decoded and encoded again."""
        return self.latents[number - self.span.frames.start :][:1]


@dataclass(frozen=True, eq=False)
class Clips:
    """The clips of one run, as they are made."""

    work: I2VEditWork
    inputs: Inputs
    run: Run
    spans: Sequence[Span]

    def source(self, span: Span, first: SourceClip | None) -> SourceClip:
        """The source of a clip."""
        assert self.inputs.video
        return self.work.source(self.inputs.video, span, first, self.run, f" {self._number(span)}")

    def edited(
        self, span: Span, source: SourceClip, lead: Picture, first: EditedClip | None, is_looked_at: bool
    ) -> EditedClip:
        """A clip of the edit, not yet computed."""
        work, unfinished, index = self.work, self.run.unfinished, self.spans.index(span)
        keep = compute_now if unfinished is None else partial(unfinished.cached, str(index))
        return EditedClip(
            source=source,
            lead=lead,
            start=None if work.settings.inversion else self.noise(span),
            following=work.following(len(span.frames)),
            guidance_scale=work.settings.guidance_scale,
            first=first,
            whole=is_looked_at,
            motion=work.loras[min(index, len(work.loras) - 1)] if work.loras else None,
            progress=self.run.progress,
            description=f"Editing {self._number(span)}",
            keep=keep,
        )

    def noise(self, span: Span) -> Latents:
        """The noise to start from without an inversion: a frame's own, in whichever clip it is."""
        model, video = self.work.model, self.inputs.video
        assert video
        shape = model.latent_channels, *latent_size(model, video)
        return frame_noise(shape, span.frames, self.work.settings.seed, "start")

    def lead(self, span: Span, done: list[Finished]) -> Picture:
        """The picture that leads a clip: a key frame, or the edit so far with its latents as they are."""
        start, model, video = span.frames.start, self.work.model, self.inputs.video
        assert video
        fps = float(video.fps)
        if span.overlap:
            picture = model.picture(done[-1].frame(start), fps=fps, latents=done[-1].latents_of(start))
        else:
            picture = model.picture(self.inputs.key_frames[start], fps=fps)
        noise = frame_noise(picture.latents.shape[1:], [start], self.work.settings.seed, "lead")
        return picture.noised(noise)

    def _number(self, span: Span) -> str:
        return f"{self.spans.index(span) + 1}/{len(self.spans)}"


def spans_of(segments: Sequence[Segment]) -> list[Span]:
    """All clips in order."""
    return [span for segment in segments for span in segment.spans]
