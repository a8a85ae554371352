"""What all backbones do with the networks that they consist of."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..sampling import Step


class Parts:
    """The networks of a model, frozen, on a device, and one at a time there when `offload` is set.

    Args:
        networks: All of them.
        device: Where to compute.
        offload: Whether only the network at work is on the device, the others wait in main memory.
    """

    def __init__(self, networks: Sequence[nn.Module], *, device: torch.device | str, offload: bool):
        # "cuda" becomes "cuda:0", which is what weights say.
        self.networks, self.device, self._offload = networks, torch.empty(0, device=device).device, offload
        for network in networks:
            network.eval().requires_grad_(False).to("cpu" if offload else self.device)

    def awake(self, network: nn.Module) -> Any:
        """Brings `network` to the device and, when offloading, sends the others home."""
        if self._offload and next(network.parameters()).device != self.device:
            for other in self.networks:
                other.to(self.device if other is network else "cpu")
        return network

    def fingerprint(self) -> str:
        """SHA-256 over the names and bytes of all weights."""
        digest = hashlib.sha256()
        for network in self.networks:
            for name, tensor in network.state_dict().items():
                digest.update(name.encode())
                digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        return digest.hexdigest()


def network_hash(network: nn.Module) -> str:
    """SHA-256 over the names and values of a network's weights, rounded to float16.

    So a model has the same hash in float32 and in float16.
    """
    digest = hashlib.sha256()
    for name, weight in network.named_parameters():
        digest.update(name.encode())
        digest.update(weight.detach().half().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def finite(
    trajectory: Iterator[Tensor], steps: Iterable[Step], dtype: torch.dtype, remedy: str
) -> Iterator[Tensor]:
    """Passes latents on, step by step.

    Raises:
        FloatingPointError: If some are NaN or infinite.
    """
    for step, latents in zip(steps, trajectory, strict=True):
        if not latents.isfinite().all():
            raise FloatingPointError(
                f"latents became NaN or infinite at step {step.index + 1} in {dtype}; {remedy}"
            )
        yield latents
