"""A 2-D UNet becomes a video UNet: norms over the whole clip, temporal convolutions and temporal attention.

The network's own weights and names stay untouched: what is added lives in a `TemporalLayers` module beside it
and is put in by torch hooks for the length of a `with` block (Wu et al., Tune-A-Video, ICCV 2023; Qi et al.,
FateZero, ICCV 2023).
"""

import re
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ...attention import AttentionControl
from ...attention.hooks import Features
from ...attention.unet import AttentionModule

POOLED = r"resnets\.\d+\.norm[12]$|^conv_norm_out$"
"""The norms of residual blocks, and the output's; those inside transformer blocks stay per frame."""


@dataclass(frozen=True)
class ClipNorms:
    """Residual blocks and the output normalise over all frames of a branch together, not frame by frame.

    The inflated networks of Tune-A-Video and FateZero do so.
    """

    @contextmanager
    def on(self, control: AttentionControl) -> Generator[None]:
        """See `Change`."""

        def gather(_: nn.Module, inputs: tuple[Features]) -> tuple[Tensor]:
            return (inputs[0].unflatten(0, (-1, control.now.times)).transpose(1, 2),)

        def scatter(_: nn.Module, __: tuple, output: Tensor) -> Features:
            return output.transpose(1, 2).flatten(0, 1)

        with ExitStack() as undo:
            # An enclosing block may have seen to it.
            if not any(isinstance(change, ClipNorms) for change in control.installed):
                for name, module in control.network.named_modules():
                    if re.search(POOLED, name):
                        undo.enter_context(module.register_forward_pre_hook(gather))
                        undo.enter_context(module.register_forward_hook(scatter))
            yield


class TemporalConvolution(nn.Module):
    """A convolution over time at every position; the identity until trained.

    With a `rank`, a residual of low rank, as in FateZero.
    """

    def __init__(self, channels: int, rank: int | None):
        super().__init__()
        self.residual = rank is not None
        if rank is None:
            self.full = nn.Conv1d(channels, channels, 3, padding=1)
            nn.init.dirac_(self.full.weight)
            self.full.bias = nn.Parameter(torch.zeros(channels))
        else:
            rank = rank if rank <= channels else channels // 2
            self.down = nn.Conv1d(channels, rank, 3, padding=1, bias=False)
            self.up = nn.Conv1d(rank, channels, 3, padding=1, bias=False)
            nn.init.normal_(self.down.weight, std=1 / rank)
            nn.init.zeros_(self.up.weight)

    def forward(self, x: Features, frames: int) -> Features:
        """Mixes the `frames` frames of each branch."""
        height, width = x.shape[-2:]
        series = x.unflatten(0, (-1, frames)).permute(0, 3, 4, 2, 1).flatten(0, 2)
        series = series + self.up(self.down(series)) if self.residual else self.full(series)
        return series.unflatten(0, (-1, height, width)).permute(0, 4, 3, 1, 2).flatten(0, 1)


class TemporalAttention(nn.Module):
    """Each position attends to itself at all times. Adds exactly nothing until trained.

    The originals zero the output's weight but not its bias: an untrained layer adds a random constant.
    """

    def __init__(self, channels: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(channels)
        self.to_q, self.to_k, self.to_v = (nn.Linear(channels, channels, bias=False) for _ in range(3))
        self.to_out = nn.Linear(channels, channels)
        nn.init.zeros_(self.to_out.weight)
        nn.init.zeros_(self.to_out.bias)

    def forward(self, x: Float[Tensor, "B N C"], frames: int) -> Float[Tensor, "B N C"]:
        """Mixes the `frames` frames of each branch."""
        series = self.norm(x).unflatten(0, (-1, frames)).transpose(1, 2)
        q, k, v = (
            to(series).unflatten(-1, (self.heads, -1)).transpose(2, 3)
            for to in (self.to_q, self.to_k, self.to_v)
        )
        out = F.scaled_dot_product_attention(q, k, v).transpose(2, 3).flatten(3)
        return x + self.to_out(out).transpose(1, 2).flatten(0, 1)


class TemporalLayers(nn.Module):
    """The temporal layers of one network, by the name of the module that each comes after."""

    def __init__(self, after: dict[str, nn.Module]):
        super().__init__()
        # nn.ModuleDict takes no dots in its keys.
        self._layers = nn.ModuleDict({name.replace(".", "/"): layer for name, layer in after.items()})

    @classmethod
    def fresh(
        cls, network: nn.Module, *, convolutions: bool = True, rank: int | None = None
    ) -> "TemporalLayers":
        """Untrained layers that change nothing.

        Args:
            network: The UNet that they are for.
            convolutions: Whether every 3x3 convolution gets one over time. Transformer blocks always get
                attention.
            rank: The convolutions' rank; full if None.
        """
        after: dict[str, nn.Module] = {}
        for name, module in network.named_modules():
            if name.endswith("attn1") and isinstance(module, AttentionModule):
                after[name.removesuffix(".attn1")] = TemporalAttention(module.to_q.in_features, module.heads)
            elif convolutions and isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3):
                after[name] = TemporalConvolution(module.out_channels, rank)
        return cls(after)

    def after(self) -> dict[str, nn.Module]:
        """The layers by the name of the module that each comes after."""
        return {name.replace("/", "."): layer for name, layer in self._layers.items()}

    @contextmanager
    def on(self, control: AttentionControl) -> Generator[None]:
        """See `Change`."""

        def then(layer: nn.Module) -> Callable[[nn.Module, tuple, Tensor], Tensor]:
            return lambda module, inputs, output: layer(output, control.now.times)

        with ExitStack() as undo:
            for name, layer in self.after().items():
                undo.enter_context(control.network.get_submodule(name).register_forward_hook(then(layer)))
            yield
