"""A run from files to a file: look for mistakes, load, fit, compute, undo the fit, keep to the mask, write.

Nothing else in rescene fits inputs for a method, calls one to make a result, or writes one.
"""

import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ..backbones import Backbone, resolved_revision
from ..cache import Unfinished, claimed
from ..inputs import Fit, Inputs
from ..methods.method import Cost, Method, Run
from ..video import Video
from ..video.label import Labelled
from ..video.watch import watching
from .files import Finder, paths_of
from .host import Host
from .inputs import fit_for, opened
from .masks import with_tracker
from .recipe import ModelRef, Recipe, versions
from .result import Result, check_result, refuse_input, rehearse_result, rescuing, write_result


@dataclass(frozen=True, eq=False, kw_only=True)
class Prepared:
    """A run that can begin: all has been found out that shows without computing."""

    recipe: Recipe
    """With the paths of files as they are here, their SHA-256, and the fit."""
    given: Inputs
    """At their own sizes."""
    outline: Backbone
    """The model without its weights."""
    result: str | None = None
    """The name of the result that is made again."""

    @property
    def fit(self) -> Fit | None:
        """The sizes: of the source, and at work; None where a clip is generated."""
        return self.recipe.fit if isinstance(self.recipe.fit, Fit) else None

    @cached_property
    def inputs(self) -> Inputs:
        """The inputs at the size of work, which the method gets."""
        return self.given if self.fit is None else self.given.fitted(self.fit)

    @cached_property
    def cost(self) -> Cost:
        """What it will cost."""
        return self.recipe.method.cost(self.outline, self.inputs)

    def instead(self, method: Method) -> "Prepared":
        """The same run by other settings of the same method.

        Raises:
            ValueError: For what is wrong with them.
        """
        other = replace(self, recipe=replace(self.recipe, method=method))
        method.check(other.outline, other.inputs)
        return other

    def restored(self, edited: Video) -> Video:
        """What the method gave, at the source's size and length, and the source where the mask says so."""
        if self.fit is None:
            return edited
        restored, mask, source = self.fit.restore(edited), self.given.mask, self.given.video
        return restored if mask is None or source is None else mask.composite(source, restored)


def prepare(
    recipe: Recipe,
    host: Host,
    *,
    base: Path = Path(),
    output: str | None = None,
    result: str | None = None,
) -> Prepared:
    """Looks for every mistake that shows without computing.

    Args:
        recipe: The run.
        host: Whoever asks for it.
        base: The folder that the recipe's paths are seen from.
        output: Where the result goes, if that is known.
        result: The name of the result that is made again, for messages; then files may also be in `base`.

    Raises:
        ValueError, OSError: For what is wrong.
    """
    if output is not None:
        check_result(output, overwrite=host.overwrite)
    recipe = Finder(base, result).found(recipe)
    if recipe.inputs.mask:
        recipe = replace(recipe, inputs=replace(recipe.inputs, mask=with_tracker(recipe.inputs.mask)))
    # The host's progress of then: work on masks is done later.
    given = opened(recipe.inputs, lambda *items, **told: host.progress(*items, **told))
    if recipe.label is not None and given.video is not None:
        Labelled(given.video.clip, recipe.label)
    elif recipe.label is not None and not recipe.label.strip():
        raise ValueError("the label shows nothing; give a text, or leave the label out")
    work = assembled(recipe, given, host.outline(recipe.model), result=result)
    if output is not None:
        check_output(work, output, host)
    return work


def check_output(work: Prepared, output: str, host: Host) -> None:
    """Looks for all that could keep a result from being written, also by trying it.

    Raises:
        ValueError, OSError: For what is wrong.
    """
    check_result(output, overwrite=host.overwrite)
    refuse_input(output, paths_of(work.recipe))
    if work.given.video is not None:
        noted = host.noted(work.recipe, Path(output))
        rehearse_result(work.given.video, output, noted, overwrite=host.overwrite)


def assembled(recipe: Recipe, given: Inputs, outline: Backbone, *, result: str | None = None) -> Prepared:
    """A run whose inputs are open: chooses the fit, and looks for mistakes in the method's settings.

    Raises:
        ValueError: For what is wrong.
    """
    if given.video is not None:
        recipe = replace(recipe, fit=fit_for(given.video, outline, recipe.fit))
    work = Prepared(recipe=recipe, given=given, outline=outline, result=result)
    recipe.method.check(outline, work.inputs)
    return work


def run(work: Prepared | Recipe, output: str, host: Host) -> Result:
    """Computes a result and writes it with its recipe.

    Args:
        work: What `prepare` gave, or a recipe whose paths are seen from the result's folder.
        output: Where the result goes; as for `Video.write`.
        host: Whoever asks for it.

    Raises:
        ValueError, OSError: For what is wrong.
    """
    if isinstance(work, Recipe):
        work = prepare(work, host, base=Path(output).absolute().parent, output=output)
    with claimed(Path(output)):
        check_result(output, overwrite=host.overwrite)  # Another run may have made it since.
        refuse_input(output, paths_of(work.recipe))
        return _run(work, output, host)


def _run(work: Prepared, output: str, host: Host) -> Result:
    work, model = loaded(work, host)
    began = time.monotonic()
    host.begins(work, model)
    unfinished = host.unfinished(work.recipe)
    video = compute(work, model, host, unfinished)
    noted = host.noted(work.recipe, Path(output))
    with watching(video, host.progress, "Writing") as watched, rescuing(watched, output) as guarded:
        write_result(guarded, output, noted, overwrite=host.overwrite)
    if unfinished is not None:
        unfinished.forget()
    return Result(path=output, recipe=noted, video=video, seconds=time.monotonic() - began)


def loaded(work: Prepared, host: Host) -> tuple[Prepared, Backbone]:
    """The run with all that identifies it, and its model, which is loaded unless the host has it.

    Raises:
        FileNotFoundError, ValueError: If there is no such model, or it isn't the one that the recipe names.
    """
    model = host.load(work.recipe.model)
    used, then = host.described(work.recipe.model, model), work.recipe.model.fingerprint
    now = str(used.fingerprint)
    if then is not None and now != then:
        raise ValueError(
            f"the model {used.name} has other weights (SHA-256 {now[:12]}...) than those that made "
            f"{work.result or 'this'} ({then[:12]}...); name the right one with --model"
        )
    return replace(work, recipe=replace(work.recipe, model=used, versions=versions())), model


def compute(work: Prepared, model: Backbone, host: Host, unfinished: Unfinished | None = None) -> Video:
    """The result as a video, not yet written; its frames may be computed only when they are read."""
    doing = Run(progress=host.progress, notes=host.notes(work), unfinished=unfinished)
    with host.computing():
        return host.finished(work, work.recipe.method(model, work.inputs, doing))


def described(ref: ModelRef, model: Backbone) -> ModelRef:
    """What to note about a model that was loaded."""
    return replace(
        ref,
        revision=resolved_revision(ref.name, ref.revision),
        fingerprint=model.identity(),
        dtype=str(model.dtype).removeprefix("torch."),  # pyright: ignore[reportArgumentType]
        device=model.device.type,
    )
