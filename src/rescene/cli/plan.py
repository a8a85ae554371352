"""`rescene plan`: what an edit would cost, told before anything heavy runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.table import Table
from tyro.conf import Positional

from ..attention.stores import Place
from ..inputs import Fit
from ..methods import Method
from ..methods.plan import Plan, plan
from ..methods.tokenflow_plan import TokenFlowPlan
from ..settings import Trim
from ..video import Video
from .forms import parse
from .options import ModelOptions, fit_for, read_source


@dataclass(frozen=True, kw_only=True)
class PlanCommand:
    """Tell what an edit would cost, without computing. No weights are read."""

    input: Positional[Path]
    """The video, or a folder of frames."""
    trim: Trim = field(default_factory=Trim)
    model: ModelOptions = field(default_factory=ModelOptions)
    size: str | None = None
    """Size to work at, as in `rescene edit`."""
    config: Path | None = None
    """A YAML file with any of these options and of the method's."""
    method: Method


def main(arguments: Sequence[str]) -> None:
    """Runs the command."""
    job = parse(PlanCommand, arguments, command="plan")
    video = read_source(job.input, job.trim)
    model = job.model.outline()
    fit = fit_for(video, model, job.size)
    console = Console(highlight=False)
    _print_sizes(console, video, fit)
    found = plan(job.method, model, frames=len(video), size=fit.size)
    if found is None:
        console.print("memory      not worked out for this method")
    elif isinstance(found, TokenFlowPlan):
        _print_tokenflow(console, found)
    else:
        _print_costs(console, found)


def _print_sizes(console: Console, video: Video, fit: Fit) -> None:
    (height, width), (content_height, content_width), (rows, columns) = fit.source, fit.content, fit.size
    padding = "" if fit.content == fit.size else f" ({content_width}x{content_height} padded)"
    console.print(f"frames      {len(video)} at {float(video.fps):g} fps, {float(video.duration):.2f} s")
    console.print(f"source      {width}x{height}{', with sound' if video.audio else ''}")
    console.print(f"at work     {columns}x{rows}{padding}")


def _print_costs(console: Console, found: Plan) -> None:
    console.print(f"steps       {found.steps}, of which {found.source_steps} look the source up")
    console.print(f"weights     {megabytes(found.weights)}")
    console.print(f"trajectory  {megabytes(found.trajectory)}")
    console.print(f"attention   {megabytes(found.attention)} a step")
    console.print(f"activations {megabytes(found.activations)}, about")
    table = Table("store", "network evaluations", "memory", "on disk", box=None, padding=(0, 2, 0, 0))
    for store in get_args(Place):
        evaluations = f"{found.evaluations[store]} frames"
        table.add_row(store, evaluations, megabytes(found.memory(store)), megabytes(found.disk(store)))
    console.print(table)
    console.print("Memory is the predicted peak; the interpreter and its libraries take 0.4 GB more.")


def _print_tokenflow(console: Console, found: TokenFlowPlan) -> None:
    groups = f" in {len(found.groups)} groups of up to {max(found.groups)}" if len(found.groups) > 1 else ""
    console.print(f"steps       {found.steps}")
    console.print(f"pivots      {found.pivots}, edited jointly{groups}")
    console.print(f"evaluations {found.evaluations} frames; {found.again} for another edit of the same clip")
    console.print(f"weights     {megabytes(found.weights)}")
    if found.controls:
        console.print(f"controls    {megabytes(found.controls)}")
    console.print(f"trajectory  {megabytes(found.trajectory)}")
    console.print(f"pivots keep {megabytes(found.pivot_features)}")
    console.print(f"activations {megabytes(found.activations)}, about")
    console.print(f"memory      {megabytes(found.memory)}, and 0.4 GB for the interpreter and its libraries")
    on_disk = f"{megabytes(found.correspondences)} of correspondences"
    if found.residuals:
        on_disk = f"{megabytes(found.residuals)} of the inversion, {on_disk}"
    console.print(f"in cache    {on_disk}, on disk")


def megabytes(size: int) -> str:
    """A number of bytes in words."""
    if size >= 10**9:
        return f"{size / 1e9:.2f} GB"
    return f"{size / 1e6:.1f} MB" if size else "-"
