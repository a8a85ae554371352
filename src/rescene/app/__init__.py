"""The web app, on what the other parts of rescene offer to everybody.

One job runs at a time per model, on a thread of its own; browsers only look at it, so a closed tab loses
nothing. Forms follow the methods' fields: a new method appears by itself.
"""

from .server import AppOptions, serving

__all__ = ["AppOptions", "serving"]
