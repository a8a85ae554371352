"""The networks that a model consists of: frozen, on a device, and hashed."""

import hashlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn


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

    def weight_bytes(self) -> int:
        """Bytes of all weights; a network without weights (torch's device `meta`) knows it too."""
        return sum(weight.nbytes for network in self.networks for weight in network.parameters())


def network_hash(network: nn.Module) -> str:
    """SHA-256 over the names and values of a network's weights, rounded to float16.

    So a model has the same hash in float32 and in float16.
    """
    digest = hashlib.sha256()
    for name, weight in network.named_parameters():
        digest.update(name.encode())
        digest.update(weight.detach().half().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
