"""I2VEdit (Ouyang et al., SIGGRAPH Asia 2024): edit the first frame, and the video follows.

An image-to-video model animates the edited frame. So that it moves as the source does, the source is
inverted, and the edit starts from its noise and attends over time as it did. Where the edit still resembles
the source it also attends as the source did within each frame. Long videos go clip by clip: each starts from
the latents in which the one before it ended, and looks at the first one to keep its look.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ..backbones.motion_lora import MotionLoRA, read_lora, verify
from ..backbones.stable_video import Lead, StableVideo
from ..cache import Unfinished
from ..fields import Window, steps_within
from ..progress import Progress, quiet
from ..typing import Latents
from ..video import Video
from .edited_clip import Following
from .propagation import KeyFrames, Propagation
from .source_clip import SourceClip, prepare
from .spans import Segment, Span, segments


@dataclass(frozen=True, kw_only=True)
class I2VEdit:
    """Carries an edited first frame through the whole video (Ouyang et al., SIGGRAPH Asia 2024)."""

    num_inference_steps: int = 25
    """Denoising steps. More steps follow the source more closely and take longer."""
    guidance_scale: float = 2.0
    """How strongly the last frame of a clip is pulled towards the edited one; the first needs no pull. More
    keeps the look over the clip, too much burns colours."""
    motion_window: Window = 0.5
    """Share of the steps, from the noisiest on, in which everything moves as in the source. Turn it down when
    the edit changes shapes."""
    deep_motion_window: Window = 0.8
    """Share of the steps in which at least the coarse motion is the source's."""
    mask_threshold: tuple[float, float] = (0.35, 0.35)
    """How much attention may differ from the source's, in the first frame and towards the last, before a
    place goes its own way: lower for freer edits, 0 to not look at the source; above 1 never."""
    smooth_noise: float = 0.005
    """How much noise areas without texture get before the inversion; 0 for none. Too little makes skies and
    walls of the result drift."""
    clip_length: int | None = None
    """Frames that are edited together; the model's own (14 or 25) if not given. Fewer need less memory."""
    skip_interval: bool = True
    """Later clips also look at the first one, which keeps its look and takes twice the time."""
    motion_lora: tuple[Path, ...] = ()
    """LoRAs of how this video moves (`rescene train motion-lora`): one for all clips, or one for each. They
    follow fast and complex motion better."""
    motion_lora_weight: float = 1.0
    """How strongly they hold: 0 not at all, 1 as trained."""
    seed: int = 0
    """What is drawn at random depends on it alone."""

    def __post_init__(self) -> None:
        if self.num_inference_steps < 2:
            raise ValueError(f"num_inference_steps is {self.num_inference_steps}; it must be at least 2")
        if self.guidance_scale < 1:
            raise ValueError(f"guidance_scale is {self.guidance_scale}; it must be at least 1, 2 is usual")
        for name, value in (
            ("mask_threshold", min(self.mask_threshold)),
            ("smooth_noise", self.smooth_noise),
        ):
            if value < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must not be negative")
        for window in (self.motion_window, self.deep_motion_window):
            steps_within(window, self.num_inference_steps)

    def __call__(
        self,
        model: StableVideo,
        video: Video,
        key_frames: KeyFrames,
        *,
        progress: Progress = quiet,
    ) -> Video:
        """Propagates edited frames; the result has the video's rate and sound.

        Args:
            model: Stable Video Diffusion.
            video: The source, at a size that the model takes.
            key_frames: Edited frames in [0, 1] by the numbers of the video's frames that they replace. There
                must be one for frame 0; each leads from its place to the next.
            progress: Reports the steps.

        Raises:
            ValueError: If a key frame is of another size than the video or out of place, a motion LoRA is
                for another model, or the video is too short.
        """
        return self.propagate(model, video, [key_frames], progress=progress)[0]

    def propagate(
        self,
        model: StableVideo,
        video: Video,
        edits: Sequence[KeyFrames],
        *,
        progress: Progress = quiet,
        unfinished: Unfinished | None = None,
    ) -> list[Video]:
        """Makes several edits of one video, which share its inversion.

        Args:
            model: As for a single edit.
            video: Likewise.
            edits: The key frames of each edit, all at the same places.
            progress: Reports the steps.
            unfinished: Keeps finished clips, so that a run that is stopped can go on.

        Raises:
            ValueError: As for a single edit.
        """
        parts = self.segments(model, video, edits)
        loras = [MotionLoRA.load(path, model, weight=self.motion_lora_weight) for path in self.motion_lora]
        run = Propagation(self, model, video, edits, parts, loras, progress, unfinished)
        return run.videos()

    def segments(self, model: StableVideo, video: Video, edits: Sequence[KeyFrames]) -> list[Segment]:
        """What each key frame leads, after looking for all mistakes; the model needs no weights.

        Raises:
            FileNotFoundError: If a motion LoRA isn't there.
            ValueError: As for a single edit.
        """
        places = sorted(edits[0])
        if any(sorted(edit) != places for edit in edits):
            raise ValueError("edits that share an inversion need their key frames at the same places")
        for edit in edits:
            for number, picture in edit.items():
                if picture.shape[-2:] != (video.height, video.width):
                    raise ValueError(
                        f"the key frame at {number} is {picture.shape[-1]}x{picture.shape[-2]} and the video "
                        f"{video.width}x{video.height}; they must have the same size"
                    )
        found = segments(len(video), self.clip_length or model.clip_length, places)
        clips = sum(len(segment.spans) for segment in found)
        if len(self.motion_lora) not in (0, 1, clips):
            raise ValueError(
                f"there are {len(self.motion_lora)} motion LoRAs and {clips} clips; give one for all, or one "
                "for each"
            )
        for path in self.motion_lora:
            verify(path, read_lora(path).tensors, model)
        return found

    def source(
        self,
        model: StableVideo,
        video: Video,
        span: Span,
        *,
        first: SourceClip | None = None,
        progress: Progress = quiet,
        description: str = "Inverting",
    ) -> SourceClip:
        """The source of one clip, not yet inverted."""

        def prepared() -> tuple[Latents, Lead]:
            frames = video[span.frames.start : span.frames.stop].frames
            names = self.seed, "source", span.frames.start
            return prepare(model, frames, smooth_noise=self.smooth_noise, names=names)

        return SourceClip(
            model=model,
            prepare=prepared,
            num_inference_steps=self.num_inference_steps,
            first=first,
            progress=progress,
            description=description,
        )

    def following(self, frames: int) -> Following:
        """How a clip follows its source."""
        first, last = self.mask_threshold
        return Following(
            every_layer=steps_within(self.motion_window, self.num_inference_steps),
            deep_layers=steps_within(self.deep_motion_window, self.num_inference_steps),
            thresholds=first + (last - first) * torch.arange(frames) / frames,
        )
