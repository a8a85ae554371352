"""Some pivots of one step, edited together: what all frames copy from (TokenFlow, §4.2)."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from ...attention import Attention, AttentionHook, Features, Record
from ...sampling import Step
from ...typing import Latents
from .branches import Branches
from .features import RecordFeatures, ShareAttention, UseFeatures
from .propagation import AllFrames, Found, PivotOutputs, PivotTokens, RecordOutputs, RecordTokens

Correspondences = Int[Tensor, "_ shares everywhere"]
"""Those of all layers, one after the other."""


class SourcePivots(NamedTuple):
    """What is kept of the source's pass."""

    tokens: PivotTokens
    outputs: PivotOutputs
    attention: Attention
    """Queries and keys, where they are put into the edited branches."""
    features: list[Features]
    """Likewise."""


@dataclass(frozen=True)
class JointPivots:
    """Pivots that attend to each other. Each branch runs when something of it is asked for."""

    branches: Branches
    z: Latents
    """The edit's latents of all frames."""
    step: Step
    frames: list[int]

    @cached_property
    def source(self) -> SourcePivots:
        """In the source each pivot attends to itself."""
        kept = SourcePivots({}, {}, {}, [])
        hooks: list[AttentionHook] = [RecordTokens(kept.tokens), RecordOutputs(kept.outputs)]
        if site := self.branches.features_at(self.step):
            hooks.append(RecordFeatures(site, kept.features))
        if self.branches.sites and self.branches.attention_at(self.step):
            hooks.append(Record(self.branches.sites.attention.__contains__, kept.attention))
        self.branches.run_source(self.step, self.frames, *hooks)
        return kept

    @cached_property
    def outputs(self) -> PivotOutputs:
        """What self-attention puts out in the edited branches when all pivots attend to all of them."""
        kept: PivotOutputs = {}
        self.branches.run_edited(
            self.z, self.step, self.frames, RecordOutputs(kept), *self.put_in, AllFrames()
        )
        return kept

    @property
    def put_in(self) -> list[AttentionHook]:
        """What puts the source's features and attention into the edited branches, if the step takes them."""
        hooks: list[AttentionHook] = []
        if site := self.branches.features_at(self.step):
            hooks.append(UseFeatures(site, self.source.features[0]))
        if self.branches.attention_at(self.step):
            hooks.append(ShareAttention(self.source.attention))
        return hooks

    def unpack(self, packed: Correspondences) -> Found:
        """Correspondences layer by layer: they come in the order in which the layers were run."""
        sizes = [outputs.shape[2] for outputs in self.outputs.values()]
        return dict(zip(self.outputs, packed.split(sizes, dim=-1), strict=True))


def pack(found: Found) -> Correspondences:
    """Puts the layers' correspondences into one tensor."""
    return torch.cat(list(found.values()), dim=-1).cpu()
