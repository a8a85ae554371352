"""The inputs of a run, as people give them; nothing here knows a model."""

from .fit import Fit
from .grid import Grid
from .inputs import Inputs

__all__ = ["Fit", "Grid", "Inputs"]
