"""The line that says, before anything runs, how long an edit takes and how much memory."""

from .order import Order
from .pace import guessed, spoken
from .workshop import Workshop


def estimate(workshop: Workshop, order: Order) -> str:
    """The line as HTML."""
    height, width = order.fit.size
    parts = [f"{len(order.video)} frames at {width} × {height}"]
    known = workshop.pace.expected(order.work)
    outline = workshop.models.outline(order.model)
    seconds = guessed(order.work, outline, workshop.models.device) if known is None else known
    if seconds is not None:
        parts.append(f"about {spoken(seconds)}{' (a first guess)' if known is None else ''}")
    if order.plan is not None:
        parts.append(f"{gigabytes(memory(order))} of memory")
    waiting = [job for job in workshop.jobs.active() if job.lane == order.model]
    if waiting:
        parts.append(f"after {len(waiting)} other job{'s' if len(waiting) > 1 else ''}")
    return f"<p>{' · '.join(parts)}</p>"


def memory(order: Order) -> int:
    """The predicted peak in bytes; it may depend on where attention is kept."""
    found = order.plan.memory
    return found(order.edit.store) if callable(found) else found  # pyright: ignore


def gigabytes(size: int) -> str:
    """Bytes in words."""
    return f"{size / 1e9:.1f} GB" if size >= 10**9 else f"{size / 1e6:.0f} MB"
