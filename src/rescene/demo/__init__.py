"""A clip that comes with rescene, and edits of it to try."""

from .examples import CLIP, EXAMPLES

__all__ = ["CLIP", "EXAMPLES"]
