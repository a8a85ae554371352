"""Other weights in the place of a network's own, and activations that are computed twice."""

import re
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint

from ...attention import AttentionControl

BLOCKS = r"(attentions|resnets)\.\d+$"
"""All transformers and residual blocks of a UNet."""


@dataclass(frozen=True, eq=False)
class ReplacedWeights:
    """Trained weights that take the place of the network's own, by their names."""

    weights: Mapping[str, nn.Parameter] = field(repr=False)

    @contextmanager
    def on(self, control: AttentionControl) -> Generator[None]:
        """See `Change`."""
        network = control.network
        with ExitStack() as undo:
            for name, weight in self.weights.items():
                parent, _, own = name.rpartition(".")
                module = network.get_submodule(parent)
                undo.callback(_put_back, module, own, network.get_parameter(name), weight)
                setattr(module, own, weight)
            yield


@dataclass(frozen=True)
class Recomputed:
    """Modules that compute their activations twice instead of keeping them (Chen et al., 2016).

    What diffusers' own switch covers in video networks is the lesser part: residual blocks, no transformers.
    """

    pattern: str = BLOCKS
    """Of the modules' names."""

    @contextmanager
    def on(self, control: AttentionControl) -> Generator[None]:
        """See `Change`."""
        with ExitStack() as undo:
            for name, module in control.network.named_modules():
                if re.search(self.pattern, name):
                    undo.callback(delattr, module, "forward")
                    module.forward = partial(checkpoint, module.forward, use_reentrant=False)
            yield


def put(network: nn.Module, name: str, module: nn.Module) -> None:
    """Puts a module in the place of the one of that name."""
    parent, _, own = name.rpartition(".")
    setattr(network.get_submodule(parent), own, module)


def _put_back(module: nn.Module, name: str, weight: nn.Parameter, instead: nn.Parameter) -> None:
    # The network may have gone to another device meanwhile, and the weight that wasn't part of it has not.
    weight.data = weight.data.to(instead.device)
    setattr(module, name, weight)
