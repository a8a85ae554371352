"""RAFT, the flow estimator that most papers use; it comes with torchvision."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch.nn import functional

from .flow import Field, Frame, Motion, both_ways

_UPDATES = 12
_STRIDE = 8


@dataclass(frozen=True)
class RAFT:
    """Recurrent all-pairs field transforms (Teed and Deng, ECCV 2020): torchvision's large one."""

    device: torch.device | str = "cpu"
    name: str = "RAFT large (torchvision, C_T_SKHT_V2), full size, occlusion mask"

    def __post_init__(self) -> None:
        _network(self.device)

    def __call__(self, number: int, frame: Frame, following: Frame) -> Motion:
        return both_ways(self._estimate, frame, following)

    @torch.no_grad()
    def _estimate(self, frame: Frame, following: Frame) -> Field:
        height, width = frame.shape[1:]
        border = (0, -width % _STRIDE, 0, -height % _STRIDE)
        pair = torch.stack([frame, following]).to(self.device) * 2 - 1
        one, other = functional.pad(pair, border, mode="replicate").split(1)
        flow = _network(self.device)(one, other, num_flow_updates=_UPDATES)[-1]
        return flow[0, :, :height, :width].cpu()


@cache
def _network(device: torch.device | str) -> Any:
    """The trained network; fetched (20 MB) where torchvision hasn't done so.

    Raises:
        ValueError: if torchvision isn't installed.
        FileNotFoundError: if the weights can't be fetched.
    """
    try:
        from torchvision.models import optical_flow  # pyright: ignore
    except ImportError as error:
        raise ValueError(
            "RAFT comes with torchvision, which isn't installed; install it, or use the flow dis"
        ) from error
    weights = optical_flow.Raft_Large_Weights.C_T_SKHT_V2
    try:
        state = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except OSError as error:
        raise FileNotFoundError(f"RAFT's weights can't be fetched ({error}); use the flow dis") from error
    network = optical_flow.raft_large()
    network.load_state_dict(state)
    return network.eval().requires_grad_(False).to(device)
