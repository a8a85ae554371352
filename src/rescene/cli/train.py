"""`rescene train`: tuned weights from a video."""

from collections.abc import Sequence
from importlib import import_module

from .commands import choose

KINDS = {
    "one-shot": "Tune a model to the motion of one clip, by Tune-A-Video or FateZero.",
    "motion-lora": "Teach a video model how a video moves, for `rescene propagate`.",
}
"""Each is a module of this package, `train_` before its name."""


def main(arguments: Sequence[str]) -> None:
    """Finds the kind of training, and runs it."""
    kind = choose(arguments, KINDS, prog="rescene train", about="Tune a model to a video.").replace("-", "_")
    import_module(f".train_{kind}", __package__).main(arguments[1:])
