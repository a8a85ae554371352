"""Results beside their source: a page that needs no network, and a labelled video."""

from .page import Compared, page, style
from .timeline import in_step

__all__ = ["Compared", "in_step", "page", "style"]
