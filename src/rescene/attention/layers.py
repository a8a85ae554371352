"""Where an attention layer sits in the network, and predicates to choose layers by."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..fields import Attends

Stage = Literal["down", "mid", "up"]
Rows = Literal["frames", "positions", "clips"]
"""Whose tokens a row of a layer's batch holds: a frame's, those of one position at all times, or a clip's."""


@dataclass(frozen=True)
class Layer:
    """One attention layer of a network."""

    name: str
    """Its module's path, such as `up_blocks.1.attentions.2.transformer_blocks.0.attn1`."""
    stage: Stage | None
    """The half of a UNet; None where all blocks are alike."""
    level: int
    """How often the latent size has been halved on the way here: 0 is full size."""
    depth: float
    """From 0 at the first layer to 1 at the last, in the order of computation."""
    attends: Attends
    """What its queries look at."""
    rows: Rows
    """What the rows of its batch are."""

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of this layer's positions, for latents of the given size."""
        return -(-height // 2**self.level), -(-width // 2**self.level)


LayerPredicate = Callable[[Layer], bool]

LAYOUT_SIDE = 32
"""FateZero and Prompt-to-Prompt control layers of up to 32 by 32 positions."""


def layout_level(height: int, width: int) -> int:
    """The finest level whose attention sets the layout, for latents of the given size.

    At 512 pixels that is level 1, of 32 by 32 positions, as published. Small latents are all layout; large
    ones are treated like those of 512 pixels, so that an edit doesn't weaken with size.
    """
    return 0 if height * width <= LAYOUT_SIDE**2 else 1


@dataclass(frozen=True)
class FromLevel:
    """Chooses the layers whose positions are coarse enough: level `finest` and beyond."""

    finest: int

    def __call__(self, layer: Layer) -> bool:
        return layer.level >= self.finest


@dataclass(frozen=True)
class AtLevel:
    """Chooses the layers of one level."""

    level: int

    def __call__(self, layer: Layer) -> bool:
        return layer.level == self.level


def every_layer(layer: Layer) -> bool:
    """Chooses all layers."""
    return True
