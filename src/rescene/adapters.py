"""What one-shot tuning leaves: temporal layers and retrained weights, in a file of their own.

The file holds only what was trained, under the names of the network's modules, and names its base by hash. It
goes onto any network of the same shape, for the length of a `with` block.
"""

import json
import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from .attention import FrameKeys
from .attention.layers import AttentionModule
from .backbones import Backbone, StableDiffusion
from .backbones.parts import network_hash
from .inflation import TemporalAttention, TemporalConvolution, TemporalLayers
from .video.files import replacing

ATTENTION, CONVOLUTION = "temporal_attention", "temporal_convolution"
"""What temporal layers are called in a file, after the module that each comes after."""


class BaseWarning(UserWarning):
    """An adapter is used with another model than it was tuned on."""


@dataclass(frozen=True, kw_only=True)
class About:
    """What an adapter's file says of itself."""

    prompt: str
    """That it was tuned on."""
    frame_keys: tuple[str | int, ...]
    """Which frames each frame attends to, as in `FrameKeys`."""
    frames: int
    """Length of the clip."""
    fps: float
    height: int
    width: int
    steps: int = 0
    """How long it was tuned."""
    base: str | None = None
    """SHA-256 of the network that it was tuned from, see `network_hash`; None if nobody knows."""


@dataclass(frozen=True, eq=False)
class Adapter:
    """Temporal layers and retrained weights for one network."""

    about: About
    layers: TemporalLayers
    replaced: Mapping[str, nn.Parameter]
    """By the name of the network's own weight."""

    @classmethod
    def fresh(
        cls,
        model: StableDiffusion,
        about: About,
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
        network, where = model.unet, (model.device, model.unet.dtype)
        queries = {
            name: nn.Parameter(weight.detach().to(model.device, copy=True))
            for name, weight in network.named_parameters()
            if name.endswith(("attn1.to_q.weight", "attn2.to_q.weight"))
        }
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            layers = TemporalLayers.fresh(network, convolutions=convolutions, rank=rank).to(*where)
        return cls(replace(about, base=network_hash(network)), layers, queries)

    @classmethod
    def load(cls, path: Path, model: Backbone) -> "Adapter":
        """Reads a file, for the network of `model`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it isn't an adapter, or was tuned on a network of another kind or shape.
        """
        verify(path, model)
        assert isinstance(model, StableDiffusion)
        about = read_about(path)
        if about.base not in (None, network_hash(model.unet)):
            text = f"{path} was tuned on another model of this shape, or in another precision; expect less"
            warnings.warn(text, BaseWarning, stacklevel=2)
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        layers = _layers(model.unet, {name: tuple(tensor.shape) for name, tensor in tensors.items()})
        temporal = _named(layers)
        with torch.no_grad():
            for name, weight in temporal.items():
                if name in tensors:
                    weight.copy_(tensors.pop(name))
        # Where the model computes, which isn't where an idle network waits.
        where = model.device, model.unet.dtype
        own = {name: nn.Parameter(tensor.to(*where)) for name, tensor in tensors.items()}
        adapter = cls(about, layers.to(*where), own)
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

    @contextmanager
    def on(self, model: Backbone) -> Generator[None]:
        """A block in which the adapter is part of `model`, which normalises over the whole clip."""
        with model.clip_norms(), model.temporal(self.layers), model.replaced(self.replaced):
            yield

    @property
    def frame_hook(self) -> FrameKeys:
        """How frames attend to each other."""
        return FrameKeys(self.about.frame_keys)


@contextmanager
def tuned(model: Backbone, motion: Path | None) -> Generator[None]:
    """A block in which an adapter's file, if there is one, is part of `model`."""
    if motion is None:
        yield
        return
    with Adapter.load(motion, model).on(model):
        yield


def read_about(path: Path) -> About:
    """What an adapter's file says of itself.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it isn't an adapter.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no adapter {path}; `rescene train one-shot` makes one")
    try:
        with safe_open(path, framework="pt") as file:
            values: dict[str, Any] = json.loads((file.metadata() or {})["one-shot"])
        return About(**{**values, "frame_keys": tuple(values["frame_keys"])})
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path} isn't an adapter: those come from `rescene train one-shot` or `rescene convert`"
        ) from error


def verify(path: Path, model: Backbone) -> None:
    """Makes sure that an adapter fits a model, which may lack its weights.

    Raises:
        FileNotFoundError, ValueError: As `Adapter.load`.
    """
    read_about(path)
    if not isinstance(model, StableDiffusion):
        raise ValueError(f"{path} is for Stable Diffusion 1.x or 2.x, and the model is another kind")
    network = model.unet
    with safe_open(path, framework="pt") as file:
        theirs = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    own = {name: tuple(weight.shape) for name, weight in network.named_parameters()}
    with torch.device("meta"):
        layers = _layers(network, theirs)
    own |= {name: tuple(weight.shape) for name, weight in _named(layers).items()}
    for name, shape in theirs.items():
        if own.get(name) != shape:
            raise ValueError(
                f"{path} was tuned on a network of another shape: its {name} is {shape}, and here it is "
                f"{own.get(name, 'missing')}; name the model that it is for"
            )


def write(path: Path, tensors: Mapping[str, Tensor], about: About) -> None:
    """Writes an adapter's file in one go."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, folder=False, room=sum(tensor.nbytes for tensor in tensors.values())) as temporary:
        save_file(dict(tensors), temporary, {"one-shot": json.dumps(asdict(about))})


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
