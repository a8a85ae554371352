"""Plug-and-Play (Tumanyan et al., CVPR 2023): branches take over the first one's features and attention."""

from dataclasses import dataclass, field
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from ..typing import Keys, Queries
from .hooks import Attend, AttentionHook, Call
from .layers import Layer

Features = Float[Tensor, "B C h w"]


class FeatureHook(AttentionHook):
    """Changes what one module of the network puts out; attention stays as it is."""

    module: str
    """The module's path, such as `up_blocks.1.resnets.1.conv2`."""

    def applies(self, layer: Layer) -> bool:
        return False

    def after(self, frames: int, features: Features) -> Features:
        """Returns what is to replace the module's output, of `frames` frames in each branch."""
        raise NotImplementedError


@dataclass(frozen=True)
class FollowFeatures(FeatureHook):
    """All branches take the first one's features."""

    module: str

    def after(self, frames: int, features: Features) -> Features:
        return features[:frames].repeat(len(features) // frames, 1, 1, 1)


@dataclass(frozen=True)
class RecordFeatures(FeatureHook):
    """Keeps the features of each pass."""

    module: str
    into: list[Features] = field(default_factory=list[Features], repr=False)

    def after(self, frames: int, features: Features) -> Features:
        self.into.append(features)
        return features


@dataclass(frozen=True)
class UseFeatures(FeatureHook):
    """All branches take the given features."""

    module: str
    features: Features = field(repr=False)

    def after(self, frames: int, features: Features) -> Features:
        return self.features.repeat(len(features) // frames, 1, 1, 1)


@dataclass(frozen=True)
class FollowFirst(AttentionHook):
    """All branches attend as the first one does: with its queries and keys, and their own values."""

    layers: frozenset[Layer]

    def applies(self, layer: Layer) -> bool:
        return layer in self.layers

    def around_attention(self, call: Call, q: Queries, k: Keys, v: Keys, proceed: Attend) -> Queries:
        branches = len(q) // call.frames
        q, k = (t[: call.frames].repeat(branches, 1, 1, 1) for t in (q, k))
        return proceed(q, k, v)


class InjectionSites(NamedTuple):
    """Where Plug-and-Play injects."""

    features: str
    """The convolution whose output is taken over, before its block adds the shortcut."""
    attention: frozenset[Layer]
    """The layers whose queries and keys are taken over."""


def injection_sites(layers: list[Layer]) -> InjectionSites:
    """The published places: the decoder's second residual block with attention and all self-attention after.

    In Stable Diffusion these are `up_blocks.1.resnets.1` and the last eight layers (Plug-and-Play, §4).

    Args:
        layers: The network's attention layers in order.

    Raises:
        ValueError: If the network has no such decoder.
    """
    decoder = [layer for layer in layers if layer.is_self and layer.stage == "up"]
    if len(decoder) < 2:
        raise ValueError("the network's decoder has fewer than two layers of self-attention to inject into")
    block = decoder[0].name.split(".attentions.")[0]
    return InjectionSites(f"{block}.resnets.1.conv2", frozenset(decoder[1:]))
