"""The host of the command line's runs: bars, warnings, and pictures beside the result if they are kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from transformers.utils.logging import disable_progress_bar

from ..backbones import Backbone
from ..methods.notes import Notes
from ..runs.local import LocalHost
from ..runs.recipe import ModelRef
from ..runs.run import Prepared, run
from ..video import TensorClip, Video
from ..video.files import refuse_inputs
from ..video.watch import watching
from .check import Check
from .maps import Drawable, check_maps, maps_folder, write_maps
from .progress import Reporter, reporting


def hide_library_bars() -> None:
    """Keeps the bars of reading and writing weights off the terminal; downloads still show theirs."""
    disable_progress_bar()


@dataclass(eq=False, kw_only=True)
class CommandHost(LocalHost):
    """Runs what one command asks for."""

    reporter: Reporter | None = None
    """Set while runs report."""
    check: bool = False
    """Whether to report how well the source is reconstructed."""
    maps: bool = False
    """Whether to draw pictures of the edit."""
    flow: bool = False
    """Whether to draw from where frames copied."""
    seen: Notes | None = field(default=None, repr=False)
    edited: Video | None = field(default=None, repr=False)
    """At the size of work, in memory; None if no picture needs it."""

    def check_pictures(self, output: str, source: Path) -> None:
        """Fails where writing pictures would, also if `source` is among those that they replace.

        Raises:
            OSError: For what is in the way.
        """
        if self.maps or self.flow:
            check_maps(output, overwrite=self.overwrite)
            refuse_inputs([maps_folder(output)], [source])

    def load(self, ref: ModelRef) -> Backbone:
        hide_library_bars()
        return super().load(ref)

    @contextmanager
    def reporting(self, *, as_json: bool) -> Iterator[Reporter]:
        """A block in which runs show how far they are."""
        with reporting(as_json=as_json) as reporter:
            self.reporter, self.progress = reporter, reporter.progress
            yield reporter

    def run(self, work: Prepared, output: str) -> None:
        """Runs, and tells what was written; `reporting` must be on."""
        result = run(work, output, self)
        print(result)
        if self.seen and (self.maps or (self.flow and self.seen.copies)):
            drawable = Drawable(work=work, edited=self.edited, notes=self.seen, flow=self.flow)
            print(f"{write_maps(drawable, self.load(work.recipe.model), output)}/  (maps)")

    def notes(self, work: Prepared) -> Notes | None:
        self.edited, self.seen = None, None
        if self.check and self.reporter and work.inputs.video:
            self.seen = Check(source=work.inputs.video, reporter=self.reporter)
        elif self.maps or self.flow:
            self.seen = Notes(reconstructs=self.maps)
        return self.seen

    def finished(self, work: Prepared, edited: Video) -> Video:
        notes, reporter = self.seen, self.reporter
        if notes and reporter and self.check and notes.reconstruction is None:
            reporter.say("warning: this method reconstructs nothing, so there is nothing to check")
        if notes and reporter and self.flow and not notes.copies:
            reporter.say("warning: this method doesn't copy from other frames, so there is no flow to draw")
        if self.maps:
            # They show the frames again. Eight bits wouldn't do: the result isn't to depend on them.
            with watching(edited, self.progress, "Decoding") as watched:
                self.edited = edited = replace(edited, clip=TensorClip(watched.frames))
        return work.restored(edited)
