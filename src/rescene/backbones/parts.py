"""The networks that a model consists of: frozen, on a device, and hashed."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import nn


class Parts:
    """The networks of a model, frozen, on a device, and one at a time there when `offload` is set.

    Args:
        networks: All of them.
        device: Where to compute.
        offload: Whether only the network at work is on the device, the others wait in main memory.
        alternating: Those of which one is at work for many passes in a row: the others always wait there.
        rare: Those that work there themselves when `offload` is set: too large to be moved for a few passes.
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        *,
        device: torch.device | str,
        offload: bool,
        alternating: Sequence[nn.Module] = (),
        rare: Sequence[nn.Module] = (),
    ):
        # "cuda" becomes "cuda:0", which is what weights say.
        self.networks, self.device = networks, torch.empty(0, device=device).device
        self._moving = alternating if len(alternating) > 1 else ()
        if offload:
            self._moving = [network for network in networks if all(network is not each for each in rare)]
        at_home = [*self._moving, *(rare if offload else ())]
        for network in networks:
            there = next(network.parameters()).device.type == "meta"  # One without weights stays so.
            waits = any(network is each for each in at_home) and not there
            network.eval().requires_grad_(False).to("cpu" if waits else self.device)

    def awake(self, network: nn.Module) -> Any:
        """Brings `network` to the device and sends home the others that wait while they are idle."""
        moves = any(network is each for each in self._moving)
        if moves and next(network.parameters()).device != self.device:
            for other in self._moving:
                if other is not network:  # First, so that both need never be there at once.
                    other.to("cpu")
            network.to(self.device)
        return network

    @cached_property
    def identity(self) -> str:
        """Their fingerprint, computed once: there are gigabytes, and nothing changes them for good."""
        return self.fingerprint()

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
