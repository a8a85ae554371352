"""Where an attention layer sits in the network, and predicates to choose layers by."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast, runtime_checkable

from torch import nn

Stage = Literal["down", "mid", "up"]


@dataclass(frozen=True)
class Layer:
    """One attention layer of a UNet."""

    name: str
    """Its module's path, such as `up_blocks.1.attentions.2.transformer_blocks.0.attn1`."""
    stage: Stage
    level: int
    """How often the latent size has been halved on the way here: 0 is full size."""

    @property
    def is_cross(self) -> bool:
        """Whether it attends to the prompt."""
        return self.name.endswith("attn2") and not self.is_temporal

    @property
    def is_self(self) -> bool:
        """Whether frames attend to themselves or to each other."""
        return self.name.endswith("attn1") and not self.is_temporal

    @property
    def is_temporal(self) -> bool:
        """Whether a position attends to itself at other times."""
        return "temporal" in self.name

    @property
    def is_temporal_self(self) -> bool:
        """Whether a position attends to nothing but itself at other times."""
        return self.is_temporal and self.name.endswith("attn1")

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of this layer's positions, for latents of the given size."""
        return -(-height // 2**self.level), -(-width // 2**self.level)


LayerPredicate = Callable[[Layer], bool]


@runtime_checkable
class AttentionModule(Protocol):
    """The part of diffusers' `Attention` that hooks use."""

    processor: Any
    heads: int
    to_q: nn.Linear
    to_k: nn.Linear
    to_v: nn.Linear
    to_out: nn.ModuleList

    def set_processor(self, processor: Any) -> None: ...


def attention_layers(network: nn.Module) -> dict[Layer, AttentionModule]:
    """The attention modules of a UNet in the order of its modules, each with its place."""
    deepest = sum(1 for _ in network.get_submodule("down_blocks").children()) - 1
    modules = cast(Iterator[tuple[str, nn.Module]], network.named_modules())
    found: dict[Layer, AttentionModule] = {}
    for name, module in modules:
        place = re.match(r"(down|mid|up)_block(?:s\.(\d+))?\.", name)
        if place and isinstance(module, AttentionModule):
            stage, index = cast(Stage, place[1]), int(place[2] or 0)
            level = {"down": index, "mid": deepest, "up": deepest - index}[stage]
            found[Layer(name, stage, level)] = module
    return found


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
