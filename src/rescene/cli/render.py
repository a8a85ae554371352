"""Runs one edit or generator and writes all that it makes; shared by the commands that do."""

import time
from dataclasses import dataclass, replace

from ..backbones import StableDiffusion
from ..methods import Notes
from ..settings import GeneratedSettings, Settings, check_result, write_result
from ..video import TensorClip, Video
from ..video.watch import watching
from .check import Check
from .maps import Outcome, check_maps, write_maps
from .progress import Reporter


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What a run is to leave behind."""

    path: str
    overwrite: bool = False
    check: bool = False
    """Whether to report how well the source is reconstructed."""
    maps: bool = False
    """Whether to draw pictures of the edit."""
    flow: bool = False
    """Whether to draw from where frames copied."""

    @property
    def pictures(self) -> bool:
        """Whether there is anything to draw."""
        return self.maps or self.flow

    def notes(self, source: Video, reporter: Reporter) -> Notes | None:
        """What the method is to fill."""
        if self.check:
            return Check(source=source, reporter=reporter)
        return Notes(reconstructs=self.maps) if self.pictures else None

    def verify(self) -> None:
        """Fails where writing would fail after all the work.

        Raises:
            ValueError, OSError: For what is in the way.
        """
        check_result(self.path, overwrite=self.overwrite)
        if self.pictures:
            check_maps(self.path, overwrite=self.overwrite)


def render(
    settings: Settings, model: StableDiffusion, video: Video, outputs: Outputs, reporter: Reporter
) -> None:
    """Edits `video`, which has the source's size, and writes the result and what belongs to it."""
    began, source = time.monotonic(), settings.fit.apply(video)
    notes = outputs.notes(source, reporter)
    edited = settings.edit(model, source, progress=reporter.progress, notes=notes)
    if outputs.check and notes and notes.reconstruction is None:
        reporter.say("warning: this method reconstructs nothing, so there is nothing to check")
    if outputs.flow and notes and not notes.copies:
        reporter.say("warning: this method doesn't copy from other frames, so there is no flow to draw")
    if outputs.maps:
        # They show the frames again. Eight bits wouldn't do: the result isn't to depend on them.
        with watching(edited, reporter.progress, "Decoding") as watched:
            edited = replace(edited, clip=TensorClip(watched.frames))
    with watching(settings.fit.restore(edited), reporter.progress, "Writing") as result:
        write_result(result, outputs.path, settings, overwrite=outputs.overwrite)
    what = f"{len(video)} frames of {video.width}x{video.height} in {time.monotonic() - began:.0f} s"
    print(f"{outputs.path}  ({what})")
    if notes and (outputs.maps or (outputs.flow and notes.copies)):
        shown = edited if outputs.maps else None
        outcome = Outcome(edit=settings.edit, source=source, edited=shown, notes=notes, flow=outputs.flow)
        print(f"{write_maps(outcome, model, outputs.path)}/  (maps)")


def generate(
    settings: GeneratedSettings, model: StableDiffusion, outputs: Outputs, reporter: Reporter
) -> None:
    """Generates a clip and writes it, frame by frame as they are decoded."""
    began = time.monotonic()
    video = settings.generator(model, progress=reporter.progress)
    with watching(video, reporter.progress, "Writing") as result:
        write_result(result, outputs.path, settings, overwrite=outputs.overwrite)
    what = f"{len(video)} frames of {video.width}x{video.height} in {time.monotonic() - began:.0f} s"
    print(f"{outputs.path}  ({what})")
