"""`rescene plan`: what a run would cost, told before anything heavy runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args, get_type_hints

from tyro.conf import Positional

from ..methods import METHODS, Method
from ..runs import InputRefs, Recipe, Trim, VideoRef
from .forms import OneOf, parse
from .options import ModelOptions

if TYPE_CHECKING:
    from ..runs.run import Prepared

STORE = "store"
"""The field of methods that may keep something in several places, each at another price."""


@dataclass(frozen=True, kw_only=True)
class PlanCommand:
    """Tell what a run would cost, without computing. No weights are read.

    Methods that generate need no IN: `rescene plan METHOD`, see `rescene methods`.
    """

    input: Positional[Path]
    """The video, or a folder of frames."""
    trim: Trim = field(default_factory=Trim)
    model: ModelOptions = field(default_factory=ModelOptions)
    size: str | None = None
    """Size to work at, as in `rescene edit`."""
    config: Path | None = None
    """A YAML file with any of these options and of the method's."""
    method: Annotated[Method, OneOf({**METHODS["edit"], **METHODS["propagate"]})]


@dataclass(frozen=True, kw_only=True)
class PlanGenerated:
    """Tell what a clip would cost, without computing. No weights are read."""

    model: ModelOptions = field(default_factory=ModelOptions)
    config: Path | None = None
    """A YAML file with any of these options and of the method's."""
    method: Annotated[Method, OneOf(METHODS["generate"])]


def main(arguments: Sequence[str]) -> None:
    """Runs the command."""
    if arguments and arguments[0] in METHODS["generate"]:
        clip = parse(PlanGenerated, arguments, command="plan")
        recipe = Recipe(method=clip.method, model=clip.model.ref)
    else:
        job = parse(PlanCommand, arguments, command="plan")
        video = VideoRef(path=str(job.input), trim=job.trim)
        recipe = Recipe(method=job.method, model=job.model.ref, inputs=InputRefs(video=video), fit=job.size)
    for line in _lines(_assembled(recipe)):
        print(line)


def _assembled(recipe: Recipe) -> "Prepared":
    """The run; where edited frames are needed, the video's own first one stands for them."""
    from ..runs.inputs import opened
    from ..runs.local import LocalHost
    from ..runs.run import assembled

    given = opened(recipe.inputs)
    if given.video and "key_frames" in recipe.method.needs.inputs:
        given = replace(given, key_frames={0: given.video[:1].frames})
    return assembled(recipe, given, LocalHost().outline(recipe.model))


def _lines(work: "Prepared") -> Iterator[str]:
    """The sizes and the cost in words."""
    video, fit, cost = work.given.video, work.fit, work.cost
    if video and fit:
        (height, width), (rows, columns) = fit.content, fit.size
        padding = "" if fit.content == fit.size else f" ({width}x{height} padded)"
        yield _row("frames", f"{len(video)} at {float(video.fps):g} fps, {float(video.duration):.2f} s")
        yield _row("source", f"{video.width}x{video.height}{', with sound' if video.audio else ''}")
        yield _row("at work", f"{columns}x{rows}{padding}")
    yield _row("steps", str(cost.steps))
    again = "" if cost.again is None else f"; {cost.again} for another edit of the same clip"
    yield _row("evaluations", f"{cost.evaluations} frames{again}")
    for name, size in cost.memory.items():
        if size:
            yield _row(name, megabytes(size))
    yield _row("memory", f"{megabytes(cost.peak)}, and 0.4 GB for the interpreter and its libraries")
    for name, size in cost.disk.items():
        yield _row("on disk", f"{megabytes(size)} of {name}")
    yield from (remark[:1].upper() + remark[1:] + "." for remark in cost.remarks)
    yield from _by_store(work)


def _by_store(work: "Prepared") -> Iterator[str]:
    """A row for each place in which the method may keep what it needs again."""
    method = work.recipe.method
    if STORE not in {field.name for field in fields(method)}:
        return
    yield f"{STORE:<14}{'evaluations':>14}{'memory':>12}{'on disk':>12}"
    for place in get_args(get_type_hints(type(method))[STORE]):
        cost = work.instead(replace(method, **{STORE: place})).cost
        sizes = f"{megabytes(cost.peak):>12}{megabytes(sum(cost.disk.values())):>12}"
        yield f"{place:<14}{f'{cost.evaluations} frames':>14}{sizes}"


def _row(name: str, text: str) -> str:
    return f"{name:<12}{text}" if len(name) < 12 else f"{name} {text}"


def megabytes(size: int) -> str:
    """A number of bytes in words."""
    if size >= 10**9:
        return f"{size / 1e9:.2f} GB"
    return f"{size / 1e6:.1f} MB" if size else "-"
