"""Plug-and-Play (Tumanyan et al., CVPR 2023): branches take over the source's features and attention."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from ...attention import Attend, AttentionHook, Call, FeatureHook, Features, Layer
from ...typing import Keys, Queries


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
class ShareAttention(AttentionHook):
    """All branches attend as the source did: with its queries and keys, and their own values.

    So they share its map, which is computed once: their values stand side by side.
    """

    source: Mapping[str, Tensor] = field(repr=False)
    """The source's queries and keys, as `Record` kept them; layers that it lacks stay as they are."""

    def applies(self, layer: Layer) -> bool:
        return f"{layer.name}.q" in self.source

    def around_attention(self, call: Call, q: Queries, k: Keys, v: Keys, proceed: Attend) -> Queries:
        values = torch.cat(torch.split(v, call.times), dim=-1)
        out = proceed(self.source[f"{call.layer.name}.q"], self.source[f"{call.layer.name}.k"], values)
        return torch.cat(torch.split(out, v.shape[-1], dim=-1))


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
    decoder = [layer for layer in layers if layer.attends == "frame" and layer.stage == "up"]
    if len(decoder) < 2:
        raise ValueError("the network's decoder has fewer than two layers of self-attention to inject into")
    block = decoder[0].name.split(".attentions.")[0]
    return InjectionSites(f"{block}.resnets.1.conv2", frozenset(decoder[1:]))
