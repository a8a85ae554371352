"""Changes a network for the length of a `with` block: hooks around its attention, and anything else."""

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from .hooks import AttentionHook, Call, FeatureHook
from .layers import Layer


@dataclass(frozen=True)
class Pass:
    """The forward pass that the network is in, or the last one."""

    step: int = 0
    """Index of the sampling step."""
    branches: int = 1
    times: int = 1
    """Latents in each branch."""
    size: tuple[int, int] = (1, 1)
    """Rows and columns of the latents."""


@runtime_checkable
class Change(Protocol):
    """Anything that a network can be changed by for a while: a hook, other weights, a ControlNet."""

    def on(self, control: "AttentionControl", /) -> AbstractContextManager[None]:
        """A block in which the change holds, and after which all is as before, also on error."""
        ...


@runtime_checkable
class Hookable(Protocol):
    """The part of diffusers' attention modules that is used here."""

    processor: Any
    inner_dim: int
    """Numbers in a position's query, all heads together."""

    def set_processor(self, processor: Any) -> None: ...


class AttentionControl:
    """The one place that sets a network's attention processors and hooks its modules.

    Changes of an enclosing block stay in force in an inner one; hooks are outermost there, so that what a
    user installs around a method wraps everything that the method does. A method that needs different hooks
    at different times opens a block for each time instead of nesting them.

    Args:
        network: What is changed.
        layers: Its attention layers in the order of computation, each with its module.
        processor: Makes what computes a layer with hooks around it (`unet.HookedAttention`).
    """

    def __init__(
        self,
        network: nn.Module,
        layers: Mapping[Layer, Hookable],
        processor: Callable[["AttentionControl", Layer, list[AttentionHook]], Any],
    ):
        self.network, self.layers, self._processor = network, dict(layers), processor
        self.installed: tuple[Change, ...] = ()
        self.now = Pass()
        self._owner = threading.Lock()
        self._thread: int | None = None

    @contextmanager
    def changed(self, *changes: Change) -> Generator[None]:
        """A block in which `changes` hold, put in in order; they go in reverse order, also on error.

        Of hooks, the first is outermost.

        Raises:
            RuntimeError: If another thread is inside such a block: processors are set on the network.
        """
        with self._exclusively(), ExitStack() as undo:
            undo.callback(setattr, self, "installed", self.installed)
            for are_hooks, run in groupby(changes, lambda change: isinstance(change, AttentionHook)):
                if are_hooks:
                    undo.enter_context(self._hooked(*run))
                    continue
                for change in run:
                    undo.enter_context(change.on(self))
                    self.installed = (*self.installed, change)
            yield

    @contextmanager
    def _hooked(self, *hooks: Change) -> Generator[None]:
        with ExitStack() as undo:
            self.installed = (*self.installed, *hooks)
            for layer, module in self.layers.items():
                chosen = [hook for hook in self.hooks if hook.applies(layer)]
                if chosen:
                    processor = self._processor(self, layer, chosen)
                    undo.callback(module.set_processor, module.processor)
                    module.set_processor(processor)
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
            return hook.after(self.now.times, output)

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
    def hooks(self) -> list[AttentionHook]:
        """The hooks now in force, the first outermost."""
        return [change for change in self.installed if isinstance(change, AttentionHook)]

    @property
    def altered(self) -> bool:
        """Whether the network now computes anything else than its weights say."""
        return bool(self.installed)

    def call(self, layer: Layer) -> Call:
        """What a hook at `layer` is told now."""
        now = self.now
        return Call(layer, now.step, now.branches, now.times, layer.grid(*now.size))

    def __str__(self) -> str:
        rows = {layer: [hook for hook in self.hooks if hook.applies(layer)] for layer in self.layers}
        return "\n".join(
            f"{layer.name}: {' > '.join(map(repr, hooks)) or 'stock'}" for layer, hooks in rows.items()
        )
