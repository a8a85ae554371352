"""Whoever asks for runs: where models come from, who hears of progress, what is looked at on the way."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..progress import Progress, quiet
from . import files

if TYPE_CHECKING:
    from ..backbones import Backbone
    from ..cache import Unfinished
    from ..methods.notes import Notes
    from ..video import Video
    from .recipe import ModelRef, Recipe
    from .run import Prepared


@dataclass(eq=False, kw_only=True)
class Host:
    """What a run needs of its host; one that says nothing else is silent and lets runs go their way."""

    progress: Progress = quiet
    overwrite: bool = False
    """Whether results that exist are replaced."""

    def outline(self, ref: "ModelRef") -> "Backbone":
        """A model without its weights, to find mistakes before anything slow begins."""
        raise NotImplementedError

    def load(self, ref: "ModelRef") -> "Backbone":
        """A model; the same one again where nothing has changed."""
        raise NotImplementedError

    def described(self, ref: "ModelRef", model: "Backbone") -> "ModelRef":
        """What a result tells of the model that was loaded."""
        from .run import described

        return described(ref, model)

    def noted(self, recipe: "Recipe", result: Path) -> "Recipe":
        """The recipe as a result tells it: by default with paths as seen from its folder."""
        return files.noted(recipe, result)

    def notes(self, work: "Prepared") -> "Notes | None":
        """What the method fills on its way."""
        return None

    def unfinished(self, recipe: "Recipe") -> "Unfinished | None":
        """Keeps what is finished, so that a run that is stopped can go on; forgotten once all is written."""
        return None

    def begins(self, work: "Prepared", model: "Backbone") -> None:
        """Looks at the model and the inputs before the method runs."""

    def computing(self) -> AbstractContextManager[object]:
        """A block around all that is computed, up to and with `finished`."""
        return nullcontext()

    def finished(self, work: "Prepared", edited: "Video") -> "Video":
        """The result out of what the method gave, at the size of work; override it to hold or look at it."""
        return work.restored(edited)
