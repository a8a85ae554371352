"""What one-shot tuning leaves: temporal layers and retrained weights, in a file of their own.

The file holds only what was trained, under the names of the network's modules, and names its base by hash. It
goes onto any network of the same shape, for the length of a `with` block.
"""

import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from ...attention import AttentionControl, FrameKeys
from ...attention.unet import AttentionModule
from ..backbone import Backbone
from ..stable_diffusion import StableDiffusion
from ..tensors import refuse_unusable
from .one_shot_file import AdapterFile, AdapterHeader, opened, read_header, write
from .temporal import ClipNorms, TemporalAttention, TemporalConvolution, TemporalLayers
from .weights import ReplacedWeights

__all__ = ["Adapter", "AdapterHeader", "BaseWarning", "check", "read_header"]

ATTENTION, CONVOLUTION = "temporal_attention", "temporal_convolution"
"""What temporal layers are called in a file, after the module that each comes after."""


OTHER_BASE = "{} was tuned on another model of this shape, or in another precision; expect less"


class BaseWarning(UserWarning):
    """An adapter is used with another model than it was tuned on."""


@dataclass(frozen=True, eq=False)
class Adapter:
    """Temporal layers and retrained weights for one network."""

    about: AdapterHeader
    layers: TemporalLayers
    replaced: Mapping[str, nn.Parameter]
    """By the name of the network's own weight."""

    @classmethod
    def fresh(
        cls,
        model: Backbone,
        about: AdapterHeader,
        *,
        convolutions: bool,
        rank: int | None = None,
        seed: int = 0,
    ) -> "Adapter":
        """Changes nothing until trained: the queries of all attention layers, and new temporal layers.

        Args:
            model: The model that it is for.
            about: What to say of it.
            convolutions: Whether there are convolutions over time, as in FateZero.
            rank: Their rank; full if None.
            seed: Of the new layers' random weights.
        """
        model = image_model(model)
        network, where = model.unet, (model.device, model.dtype)
        queries = {
            name: nn.Parameter(weight.detach().to(model.device, copy=True))
            for name, weight in network.named_parameters()
            if name.endswith(("attn1.to_q.weight", "attn2.to_q.weight"))
        }
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            layers = TemporalLayers.fresh(network, convolutions=convolutions, rank=rank).to(*where)
        return cls(replace(about, base=model.network_hash), layers, queries)

    @classmethod
    def load(cls, path: Path, model: Backbone) -> "Adapter":
        """Reads a file, for the network of `model`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it isn't an adapter, or was tuned on a network of another kind or shape.
        """
        with opened(path) as file:
            refuse_unfit(file, model)
            refuse_unusable(path, file.tensors)
            network = image_model(model)
            if file.about.base and file.about.base != network.network_hash:
                warnings.warn(OTHER_BASE.format(path), BaseWarning, stacklevel=2)
            layers = _layers(network.unet, file.shapes)
            temporal = _named(layers)
            with torch.no_grad():
                for name in file.shapes.keys() & temporal.keys():
                    temporal[name].copy_(file.tensors[name])
            # Where the model computes, which isn't where an idle network waits.
            where = model.device, model.dtype
            others = [name for name in file.shapes if name not in temporal]
            own = {name: nn.Parameter(file.tensors[name].to(*where)) for name in others}
        adapter = cls(file.about, layers.to(*where), own)
        adapter.freeze()
        return adapter

    def save(self, path: Path, *, steps: int) -> None:
        """Writes the file.

        Args:
            path: Where to.
            steps: How long it was tuned by now.
        """
        tensors = {name: weight.detach().cpu().contiguous() for name, weight in self.trained().items()}
        write(path, tensors, replace(self.about, steps=steps))

    def trained(self) -> dict[str, nn.Parameter]:
        """What is trained, by the names that the file uses: all but norms, as published."""
        temporal = {name: weight for name, weight in _named(self.layers).items() if ".norm." not in name}
        return {**self.replaced, **temporal}

    def freeze(self) -> None:
        """Ends the training: no gradients are wanted any more."""
        for weight in (*self.replaced.values(), *self.layers.parameters()):
            weight.requires_grad_(False)

    def on(self, control: AttentionControl) -> AbstractContextManager[None]:
        """See `Change`: the network also normalises over the whole clip."""
        return control.changed(ClipNorms(), self.layers, ReplacedWeights(self.replaced))

    @property
    def frame_hook(self) -> FrameKeys:
        """How frames attend to each other."""
        return FrameKeys(self.about.frame_keys)


def check(path: Path, model: Backbone) -> AdapterHeader:
    """Makes sure that an adapter fits a model, which may lack its weights.

    Returns:
        What the file says of itself.

    Raises:
        FileNotFoundError, ValueError: As `Adapter.load`.
    """
    with opened(path) as file:
        refuse_unfit(file, model)
        return file.about


def refuse_unfit(file: AdapterFile, model: Backbone) -> None:
    """Raises ValueError if an adapter was tuned on a network of another kind or shape."""
    if not isinstance(model, StableDiffusion):
        raise ValueError(f"{file.path} is for Stable Diffusion 1.x or 2.x, and this is {model.title}")
    own = {name: tuple(weight.shape) for name, weight in model.unet.named_parameters()}
    with torch.device("meta"):
        layers = _layers(model.unet, file.shapes)
    own |= {name: tuple(weight.shape) for name, weight in _named(layers).items()}
    for name, shape in file.shapes.items():
        if own.get(name) != shape:
            raise ValueError(
                f"{file.path} was tuned on a network of another shape: its {name} is {shape}, and here it is "
                f"{own.get(name, 'missing')}; name the model that it is for"
            )


def image_model(model: Backbone) -> StableDiffusion:
    """The model, if it is one that adapters are for.

    Raises:
        ValueError: If it isn't.
    """
    if not isinstance(model, StableDiffusion):
        raise ValueError(f"one-shot tuning is for Stable Diffusion 1.x or 2.x, and this is {model.title}")
    return model


def _layers(network: nn.Module, shapes: Mapping[str, tuple[int, ...]]) -> TemporalLayers:
    """Untrained layers of the kinds that names and shapes tell, after those modules that the network has."""
    modules, after = dict(network.named_modules()), dict[str, nn.Module]()
    for name in shapes:
        module, _, kind = name.partition(".temporal_")
        attention, convolution = modules.get(f"{module}.attn1"), modules.get(module)
        if kind.startswith("attention.") and isinstance(attention, AttentionModule):
            after[module] = TemporalAttention(attention.to_q.in_features, attention.heads)
        elif kind.startswith("convolution.") and isinstance(convolution, nn.Conv2d):
            rank = shapes.get(f"{module}.{CONVOLUTION}.down.weight", (None,))[0]
            after[module] = TemporalConvolution(convolution.out_channels, rank)
    return TemporalLayers(after)


def _named(layers: TemporalLayers) -> dict[str, nn.Parameter]:
    """The weights of temporal layers by the names that files use."""
    return {
        f"{module}.{ATTENTION if isinstance(layer, TemporalAttention) else CONVOLUTION}.{name}": weight
        for module, layer in layers.after().items()
        for name, weight in layer.named_parameters()
    }
