"""What all models of a UNet and an autoencoder have in common, of images and of video."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any

import torch

from ..attention import Change
from ..attention.unet import Context, control_of
from ..fields import Kind
from ..inputs.grid import Grid
from .parts import Parts, network_hash

ACTIVATION_COPIES = 64
"""The network's activations in units of the first level's features: skip connections, the fourfold width of
feed-forward layers, work space. Measured for Stable Diffusion's shape on a CPU (docs/performance.md)."""


class UNetModel:
    """A UNet in the latent space of an autoencoder. See `Backbone` for the verbs.

    Args:
        networks: All networks of the model, the UNet first and the autoencoder last.
        context: What the UNet's cross-attention looks at.
        device: Where to compute.
        offload: Whether only the part at work is on the device, the others wait in main memory.
    """

    title: str
    native_frames: int | None = None
    conditions: frozenset[Kind]
    options: frozenset[Kind] = frozenset()

    def __init__(
        self, networks: Sequence[Any], *, context: Context, device: torch.device | str, offload: bool
    ):
        self.unet, self.vae = networks[0], networks[-1]
        self._parts = Parts(networks, device=device, offload=offload)
        self.device, self.dtype = self._parts.device, self.unet.dtype
        space = 2 ** (len(self.vae.config.block_out_channels) - 1)
        self.grid = Grid(space, stride=space * 2 ** (len(self.unet.config.block_out_channels) - 1))
        self.latent_channels = int(self.vae.config.latent_channels)
        self.native_area = int((self.unet.config.sample_size * space) ** 2)
        self.control = control_of(self.unet, context)

    def changed(self, *changes: Change) -> AbstractContextManager[None]:
        """A block in which `changes` hold, inside those of enclosing blocks."""
        return self.control.changed(*changes)

    def identity(self) -> str:
        """SHA-256 over the names and bytes of all weights: there are gigabytes, and nothing changes them."""
        return self._parts.identity

    @cached_property
    def network_hash(self) -> str:
        """What adapters call the network that they are for, see `parts.network_hash`."""
        return network_hash(self.unet)

    def weight_bytes(self) -> int:
        """Bytes of all weights."""
        return self._parts.weight_bytes()

    def activation_bytes(self, size: tuple[int, int]) -> int:
        """Bytes that a pass holds for each latent and branch, for latents of `size`: an estimate."""
        return ACTIVATION_COPIES * self.feature_bytes(size)

    def feature_bytes(self, size: tuple[int, int]) -> int:
        """Bytes of the first level's features of one latent, for latents of `size`."""
        return self.unet.config["block_out_channels"][0] * size[0] * size[1] * self.dtype.itemsize

    def _times(self, times: Iterable[float]) -> torch.Tensor:
        """What the network is told of each branch's level of noise."""
        return torch.tensor(list(times), device=self.device)
