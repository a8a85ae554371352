"""Runs that can be stopped and gone on with (`rescene propagate --resume`)."""

from dataclasses import dataclass, field
from pathlib import Path

from ..cache import Unfinished
from ..runs.recipe import Recipe
from ..runs.result import check_result, read_recipe
from ..runs.run import Prepared, loaded
from .host import CommandHost


@dataclass(eq=False, kw_only=True)
class ResumingHost(CommandHost):
    """Keeps finished clips of runs that are stopped."""

    resume: bool = False
    """Whether to go on with a command that was stopped."""
    resumed: bool = False
    """Whether the place where it was stopped has been found."""
    kept: Unfinished | None = field(default=None, repr=False)
    """The finished clips of the run at work."""

    def run(self, work: Prepared, output: str) -> None:
        """Runs, unless the command had finished this before it was stopped."""
        known, _ = loaded(work, self)
        if self.resume and _is_made(known.recipe, Path(output)):
            self.resumed = True
            print(f"{output}  (finished before)")
            return
        check_result(output, overwrite=self.overwrite)
        try:
            super().run(work, output)
        except (KeyboardInterrupt, SystemExit):
            if self.reporter and self.kept is not None and len(self.kept):
                self.reporter.say(
                    "finished clips are kept; the same command with --resume goes on after them"
                )
            raise

    def unfinished(self, recipe: Recipe) -> Unfinished:
        """The finished clips of a run, by all that decides them.

        Raises:
            ValueError: If a run is to be resumed and none was stopped.
        """
        run = {"kind": "run-1", "identity": recipe.identity, "versions": dict(recipe.versions)}
        self.kept = Unfinished(run, resume=self.resume)
        if self.resume and not self.resumed and not len(self.kept):
            raise ValueError("there is no stopped run of these settings to resume; leave out --resume")
        self.resumed = True
        return self.kept


def _is_made(recipe: Recipe, output: Path) -> bool:
    try:
        there = read_recipe(output)
    except (ValueError, OSError):
        return False
    return (there.identity, there.label) == (recipe.identity, recipe.label)
