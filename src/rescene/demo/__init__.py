"""A clip that comes with rescene, and edits of it to try."""

from .controls import CONTROLS, ControlClip
from .examples import CLIP, EXAMPLES

__all__ = ["CLIP", "CONTROLS", "EXAMPLES", "ControlClip"]
