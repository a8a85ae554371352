"""The losses of a training, and their picture."""

from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT, MARGIN = 640, 320, 48
SMOOTHED_OVER = 20
"""Steps whose mean is drawn: at random timesteps, single losses tell little."""
COLOURS = ("#1f5fa8", "#c2571a", "#3c7d3c", "#7a3c8f")


class Loss(NamedTuple):
    """A row of `losses.csv`."""

    step: int
    """From 1."""
    objective: str
    loss: float
    gradient: float
    """The norm of the whole gradient, before it was clipped."""


def curve(losses: Sequence[Loss]) -> str:
    """An SVG of the losses over the steps, a colour for each objective: dots, and a line of running means."""
    names = list(dict.fromkeys(point.objective for point in losses))
    last = max(point.step for point in losses)
    top = max(point.loss for point in losses) or 1.0

    def place(step: float, loss: float) -> str:
        x = MARGIN + (WIDTH - 2 * MARGIN) * step / last
        y = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * loss / top
        return f"{x:.1f},{y:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<polyline points="{place(0, top)} {place(0, 0)} {place(last, 0)}" fill="none" stroke="#666"/>',
        f'<text x="4" y="{MARGIN}">{top:.3g}</text><text x="4" y="{HEIGHT - MARGIN}">0</text>',
        f'<text x="{WIDTH - MARGIN}" y="{HEIGHT - 24}" text-anchor="end">step {last}</text>',
    ]
    for number, name in enumerate(names):
        own = [point for point in losses if point.objective == name]
        colour = COLOURS[number % len(COLOURS)]
        for point in own:
            x, y = place(point.step, point.loss).split(",")
            parts.append(f'<circle cx="{x}" cy="{y}" r="1.5" fill="{colour}" opacity="0.35"/>')
        line = " ".join(place(point.step, loss) for point, loss in zip(own, running_means(own), strict=True))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{MARGIN + 100 * number}" y="24" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])


def running_means(points: Sequence[Loss]) -> list[float]:
    """The mean loss of each point and those before it, `SMOOTHED_OVER` at most."""
    losses = [point.loss for point in points]
    runs = (losses[max(0, at + 1 - SMOOTHED_OVER) : at + 1] for at in range(len(losses)))
    return [sum(run) / len(run) for run in runs]
