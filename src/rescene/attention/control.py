"""Installs attention hooks into a network for the length of a `with` block."""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import ParamSpec

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from .features import FeatureHook
from .hooks import AttentionHook, Call
from .kernel import attend
from .layers import AttentionModule, Layer, attention_layers

P = ParamSpec("P")


class AttentionControl:
    """The one place that sets a network's attention processors and hooks its modules.

    Hooks of an enclosing block stay in force in an inner one and are outermost there, so that what a user
    installs around a method wraps everything that the method does. A method that needs different hooks at
    different times opens a block for each time instead of nesting them.
    """

    def __init__(self, network: nn.Module):
        self.network, self.layers = network, attention_layers(network)
        self.installed: tuple[AttentionHook, ...] = ()
        self.step, self.branches, self.frames, self.size = 0, 1, 1, (1, 1)
        self.layers_added, self.pools_norms = 0, False
        self._owner = threading.Lock()
        self._thread: int | None = None

    @contextmanager
    def hooked(self, *hooks: AttentionHook) -> Generator[None]:
        """Adds `hooks`, the first outermost; afterwards all is as before, also on error.

        Raises:
            RuntimeError: If another thread is inside such a block: processors live on the network.
        """
        with self._exclusively(), ExitStack() as undo:
            undo.callback(setattr, self, "installed", self.installed)
            self.installed = (*self.installed, *hooks)
            for layer, module in self.layers.items():
                chosen = [hook for hook in self.installed if hook.applies(layer)]
                if chosen:
                    refuse_unknown(layer, module)
                    undo.callback(module.set_processor, module.processor)
                    module.set_processor(HookedAttention(self, layer, chosen))
            for hook in hooks:
                if isinstance(hook, FeatureHook):
                    undo.enter_context(self._after_module(hook))
            yield

    def _after_module(self, hook: FeatureHook) -> RemovableHandle:
        """Lets `hook` change its module's output, inside hooks that are already there."""
        try:
            module = self.network.get_submodule(hook.module)
        except AttributeError as error:
            raise ValueError(f"can't hook {hook.module}: the network has no such module") from error

        def after(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            return hook.after(self.frames, output)

        return module.register_forward_hook(after, prepend=True)

    @contextmanager
    def _exclusively(self) -> Generator[None]:
        if self._thread == threading.get_ident():
            yield
            return
        if not self._owner.acquire(blocking=False):
            raise RuntimeError(
                "this model is at work in another thread; load a second one, or wait for the first"
            )
        try:
            self._thread = threading.get_ident()
            yield
        finally:
            self._thread = None
            self._owner.release()

    @property
    def altered(self) -> bool:
        """Whether the network now computes anything else than its weights say."""
        return bool(self.installed or self.layers_added)

    def call(self, layer: Layer) -> Call:
        """What a hook at `layer` is told now."""
        return Call(layer, self.step, self.frames, layer.grid(*self.size))

    def __str__(self) -> str:
        rows = {layer: [hook for hook in self.installed if hook.applies(layer)] for layer in self.layers}
        return "\n".join(
            f"{layer.name}: {' > '.join(map(repr, hooks)) or 'stock'}" for layer, hooks in rows.items()
        )


class HookedAttention:
    """A diffusers attention processor: the stock computation with hooks around it, the first outermost."""

    def __init__(self, control: AttentionControl, layer: Layer, hooks: list[AttentionHook]):
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


def refuse_unknown(layer: Layer, attn: AttentionModule) -> None:
    """Raises ValueError at layers that compute more than `HookedAttention` does, lest numbers be wrong."""
    extras = ("group_norm", "spatial_norm", "norm_q", "norm_k", "norm_cross", "residual_connection")
    found = [name for name in extras if getattr(attn, name, None)]
    if found or getattr(attn, "rescale_output_factor", 1.0) != 1.0:
        raise ValueError(f"can't hook {layer.name}: it uses {', '.join(found) or 'rescale_output_factor'}")
