"""What compares pictures with text: the seam between metrics and the networks that they ask."""

from typing import Literal, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

Crop = Literal["centre", "bottom"]
"""The square that a network sees of a picture that is taller than wide."""


@runtime_checkable
class Scorer(Protocol):
    """Turns pictures and texts into directions that can be compared by their cosine."""

    @property
    def name(self) -> str:
        """Stands beside every number that it has a part in."""
        ...

    def image(self, frame: Float[Tensor, "3 H W"], crop: Crop) -> Float[Tensor, " D"]:
        """A picture's feature, of length 1."""
        ...

    def text(self, prompt: str) -> Float[Tensor, " D"]:
        """A text's feature, of length 1.

        Raises:
            ValueError: if it is longer than the network can read.
        """
        ...
