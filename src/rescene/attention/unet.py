"""The UNets of diffusers: the only place that knows what their attention layers are called and compute."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, ParamSpec, Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from .control import AttentionControl
from .hooks import AttentionHook
from .kernel import attend
from .layers import Layer, Stage

P = ParamSpec("P")
Context = Literal["words", "picture"]
STAGES: tuple[Stage, ...] = ("down", "mid", "up")
"""In the order of computation."""


@runtime_checkable
class AttentionModule(Protocol):
    """The part of diffusers' `Attention` that hooks use."""

    processor: Any
    heads: int
    inner_dim: int
    to_q: nn.Linear
    to_k: nn.Linear
    to_v: nn.Linear
    to_out: nn.ModuleList

    def set_processor(self, processor: Any) -> None: ...


def control_of(network: nn.Module, context: Context = "words") -> AttentionControl:
    """What hooks and changes a UNet.

    Args:
        network: It.
        context: What its cross-attention looks at.
    """
    return AttentionControl(network, attention_layers(network, context), HookedAttention)


class Place(NamedTuple):
    """Where a module of attention was found."""

    name: str
    module: AttentionModule
    stage: Stage
    level: int


def attention_layers(network: nn.Module, context: Context = "words") -> dict[Layer, AttentionModule]:
    """The attention modules of a UNet in the order of computation, each with its place."""
    # Modules are listed with the middle last.
    places = sorted(_places(network), key=lambda place: STAGES.index(place.stage))
    found: dict[Layer, AttentionModule] = {}
    for number, (name, module, stage, level) in enumerate(places):
        is_temporal, is_self = "temporal" in name, name.endswith("attn1")
        found[
            Layer(
                name=name,
                stage=stage,
                level=level,
                depth=number / max(len(places) - 1, 1),
                attends=("time" if is_temporal else "frame") if is_self else context,
                rows="positions" if is_temporal else "frames",
            )
        ] = module
    return found


def _places(network: nn.Module) -> list[Place]:
    deepest = sum(1 for _ in network.get_submodule("down_blocks").children()) - 1
    found: list[Place] = []
    modules = cast(Iterator[tuple[str, nn.Module]], network.named_modules())
    for name, module in modules:
        match = re.match(r"(down|mid|up)_block(?:s\.(\d+))?\.", name)
        if match and isinstance(module, AttentionModule):
            stage, index = cast(Stage, match[1]), int(match[2] or 0)
            level = {"down": index, "mid": deepest, "up": deepest - index}[stage]
            found.append(Place(name, module, stage, level))
    return found


class HookedAttention:
    """A diffusers attention processor: the stock computation with hooks around it, the first outermost.

    Raises:
        ValueError: If the layer computes more than is known here.
    """

    def __init__(self, control: AttentionControl, layer: Layer, hooks: list[AttentionHook]):
        refuse_unknown(layer, control.layers[layer])
        self.control, self.layer, self.hooks = control, layer, hooks

    def __call__(
        self,
        attn: AttentionModule,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        """Called by `diffusers.models.attention_processor.Attention`."""
        if attention_mask is not None:
            raise NotImplementedError(
                f"{self.layer.name} was given an attention mask, which hooks don't support"
            )
        call = self.control.call(self.layer)

        def heads(x: Tensor) -> Tensor:
            return torch.unflatten(x, -1, (attn.heads, -1)).transpose(1, 2)

        def layer(x: Tensor) -> Tensor:
            context = x if encoder_hidden_states is None else encoder_hidden_states
            q, k, v = heads(attn.to_q(x)), heads(attn.to_k(context)), heads(attn.to_v(context))
            out = wrap(attend, [partial(hook.around_attention, call) for hook in self.hooks])(q, k, v)
            return attn.to_out[1](attn.to_out[0](out.transpose(1, 2).flatten(2)))

        return wrap(layer, [partial(hook.around_layer, call) for hook in self.hooks])(hidden_states)


def wrap(inner: Callable[P, Tensor], arounds: Sequence[Callable[..., Tensor]]) -> Callable[P, Tensor]:
    """Puts each of `arounds` around what comes after it; the last is next to `inner`."""
    if not arounds:
        return inner
    proceed = wrap(inner, arounds[1:])

    def wrapped(*args: P.args, **_: P.kwargs) -> Tensor:
        return arounds[0](*args, proceed)

    return wrapped


def refuse_unknown(layer: Layer, attn: object) -> None:
    """Raises ValueError at layers that compute more than `HookedAttention` does, lest numbers be wrong."""
    extras = ("group_norm", "spatial_norm", "norm_q", "norm_k", "norm_cross", "residual_connection")
    found = [name for name in extras if getattr(attn, name, None)]
    if found or getattr(attn, "rescale_output_factor", 1.0) != 1.0:
        raise ValueError(f"can't hook {layer.name}: it uses {', '.join(found) or 'rescale_output_factor'}")
