"""IF-V2V at work (2025, arXiv 2509.21917).

The clip is sampled from noise, led by the edited first frame. The source, noised alike and led by its own
first frame, tells by how much the network errs there, since its true velocity is known; the edit is corrected
by as much. With the correction whole this is FlowEdit from pure noise with one draw.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...inputs import Inputs
from ...sampling import Denoise, Schedule, refuse_nan
from ...typing import Frames, Latents
from ...video import Video
from ...video.clip import Joined
from ..cost import EDITED
from ..flowedit.work import StraightEdit
from ..method import Cost, Run
from . import IFV2V


def deviated(
    x: Latents, steps: Schedule, source: Denoise, target: Denoise, *, noise: Latents, hold: float
) -> Iterator[Latents]:
    """Yields the edit after each step.

    Args:
        x: The source's clean latents.
        steps: The steps that the edit takes, along straight paths.
        source: Velocities led by what the source shows.
        target: Velocities led by what the edit is to show.
        noise: Standard normal noise, the same for all steps.
        hold: How much of the correction to take: lambda.
    """
    s = steps[0].start.noise
    p = (1 - s) * x + s * noise
    for step in steps:
        s, after = step.start.noise, step.end.noise
        q = (1 - s) * x + s * noise
        v = target(p, step) + hold * ((noise - x) - source(q, step))
        p = refuse_nan(p + (after - s) * v, step)
        yield p


@dataclass(frozen=True)
class IFV2VWork(StraightEdit):
    """One edit on one model."""

    settings: IFV2V

    @property
    def taken(self) -> Schedule:
        """The steps that the edit takes."""
        return super().taken or self.steps[-1:]

    def check(self, inputs: Inputs) -> None:
        """Makes sure that there is one edited frame, the first, of the video's size."""
        assert inputs.video
        later = sorted(set(inputs.key_frames) - {0})
        if later or 0 not in inputs.key_frames:
            raise ValueError(
                f"if-v2v carries an edited first frame, and no other: give frame 0, without {later}; "
                "for frames further on, use i2vedit"
            )
        size = inputs.key_frames[0].shape[-2:]
        if size != (inputs.video.height, inputs.video.width):
            raise ValueError(
                f"the edited frame is {size[1]}x{size[0]} and the video "
                f"{inputs.video.width}x{inputs.video.height}; they must have the same size"
            )
        super().check(inputs)

    def cost(self, inputs: Inputs) -> Cost:
        """The cost: two branches of the source, and two of the edit; parts of long clips share a frame."""
        assert inputs.video
        parts, steps = self.parts(len(inputs.video)), len(self.taken)
        longest = replace(inputs, video=inputs.video[parts[0]])
        cost = self.cost_of(longest, steps, 2 * EDITED * steps)
        frames = sum(part.stop - part.start for part in parts)
        remarks = (f"{len(parts)} parts, each led by the end of the one before",) if len(parts) > 1 else ()
        return replace(cost, evaluations=2 * EDITED * steps * frames, remarks=remarks)

    def __call__(self, inputs: Inputs, run: Run) -> Video:
        """Makes the parts one after the other; their frames are decoded when they are read."""
        video, lead = inputs.video, inputs.key_frames[0]
        assert video
        made: list[Video] = []
        for part in self.parts(len(video)):
            edited = self.edited(video[part], lead, part.start, run)
            lead = edited.clip.read(len(edited) - 1, len(edited)) if part.stop < len(video) else lead
            made.append(edited)
        fresh = [made[0].clip, *(each[1:].clip for each in made[1:])]
        return replace(video, clip=Joined(fresh))

    def parts(self, frames: int) -> list[slice]:
        """The clips that the model can take at once; each begins with the last frame of the one before."""
        length = self.model.native_frames or frames
        starts = range(0, max(frames - 1, 1), max(length - 1, 1))
        return [slice(start, min(start + length, frames)) for start in starts]

    def edited(self, video: Video, lead: Frames, number: int, run: Run) -> Video:
        """One part, led by an edited first frame."""
        settings, steps = self.settings, self.taken
        x = self.model.encode(video)
        states = deviated(
            x,
            steps,
            self.led(settings.source, video[:1].frames, video),
            self.led(settings.target or settings.source, lead, video),
            noise=self.noise(x, settings.seed, "part", number),
            hold=settings.hold,
        )
        return self.model.decode(self.walked(x, states, len(steps), run), like=video)

    def led(self, prompt: str, frame: Frames, video: Video) -> Denoise:
        """The velocity of a clip like `video`, led by its first frame and a prompt."""
        settings = self.settings
        picture = self.model.picture(frame, fps=float(video.fps), frames=len(video))
        return self.guided(prompt, settings.negative_prompt, settings.guidance_scale, picture)
