"""Optical flow between frames, which pixels can be seen in both, and what estimates it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    import cv2

Frame = Float[Tensor, "3 H W"]
Field = Float[Tensor, "2 H W"]
"""Where each pixel goes, (dx, dy) in pixels."""
_RAFT_UPDATES, _RAFT_STRIDE = 12, 8


@dataclass(frozen=True, kw_only=True)
class FrameFlow:
    """How one frame moves to the next."""

    flow: Field
    visible: Bool[Tensor, "1 H W"]
    """Whether the point that a pixel shows is still to be seen: in view, and not covered."""

    def warped(self, following: Frame) -> Frame:
        """The next frame, brought back to this one's time."""
        return looked_up(following, self.flow)


@runtime_checkable
class Flow(Protocol):
    """Finds motion."""

    @property
    def name(self) -> str:
        """Stands beside every number that it has a part in."""
        ...

    def __call__(self, number: int, frame: Frame, following: Frame) -> FrameFlow:
        """How frame `number` moves to the one that follows it."""
        ...


@dataclass(frozen=True)
class DIS:
    """Dense inverse search (Kroeger et al., ECCV 2016): OpenCV's, medium preset, grey frames, full size."""

    name: str = "DIS (OpenCV, medium), full size, occlusion mask"

    def __call__(self, number: int, frame: Frame, following: Frame) -> FrameFlow:
        return both_ways(self._estimate, frame, following)

    def _estimate(self, frame: Frame, following: Frame) -> Field:
        found = self._search.calc(_grey(frame), _grey(following), None)  # pyright: ignore
        return torch.from_numpy(found).permute(2, 0, 1)

    @cached_property
    def _search(self) -> "cv2.DISOpticalFlow":
        import cv2  # Here, so that runs that measure no flow don't hold its 20 MB.

        return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)


@dataclass(frozen=True)
class RAFT:
    """Recurrent all-pairs field transforms (Teed and Deng, ECCV 2020): torchvision's large one."""

    device: torch.device | str = "cpu"
    name: str = "RAFT large (torchvision, C_T_SKHT_V2), full size, occlusion mask"

    def __post_init__(self) -> None:
        _raft(self.device)

    def __call__(self, number: int, frame: Frame, following: Frame) -> FrameFlow:
        return both_ways(self._estimate, frame, following)

    @torch.no_grad()
    def _estimate(self, frame: Frame, following: Frame) -> Field:
        height, width = frame.shape[1:]
        border = (0, -width % _RAFT_STRIDE, 0, -height % _RAFT_STRIDE)
        pair = torch.stack([frame, following]).to(self.device) * 2 - 1
        one, other = functional.pad(pair, border, mode="replicate").split(1)
        flow = _raft(self.device)(one, other, num_flow_updates=_RAFT_UPDATES)[-1]
        return flow[0, :, :height, :width].cpu()


@dataclass(frozen=True, kw_only=True, eq=False)
class KnownFlow:
    """Flow that is known beforehand, such as a rendered clip's."""

    flow: Float[Tensor, "G 2 H W"]
    """One for each frame but the last."""
    visible: Bool[Tensor, "G 1 H W"]
    name: str = "known flow and visibility"

    def __call__(self, number: int, frame: Frame, following: Frame) -> FrameFlow:
        if number >= len(self.flow):
            raise ValueError(
                f"the known flow has {len(self.flow)} fields, but there is a frame {number + 1} to reach; "
                "give one field for each frame but the last"
            )
        return FrameFlow(flow=self.flow[number], visible=self.visible[number])


def both_ways(estimate: Callable[[Frame, Frame], Field], frame: Frame, following: Frame) -> FrameFlow:
    """Forward flow, with the pixels for which backward flow leads back (Ruder et al., GCPR 2016, §3.1).

    A pixel is visible if it stays in view and |f(x) + b(x + f(x))|² ≤ 0.01 (|f(x)|² + |b(x + f(x))|²) + 0.5,
    for forward flow f and backward flow b.
    """
    forward, backward = estimate(frame, following), estimate(following, frame)
    returned = looked_up(backward, forward)
    gap = (forward + returned).square().sum(0, keepdim=True)
    length = forward.square().sum(0, keepdim=True) + returned.square().sum(0, keepdim=True)
    return FrameFlow(flow=forward, visible=(gap <= 0.01 * length + 0.5) & _in_view(forward))


def looked_up(image: Float[Tensor, "C H W"], flow: Field) -> Float[Tensor, "C H W"]:
    """For each pixel the place that the flow points to; bilinear, clamped at the border."""
    x, y = _places(flow)
    height, width = flow.shape[1:]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    found = functional.grid_sample(image[None], grid[None], padding_mode="border", align_corners=False)
    return found[0]


def _in_view(flow: Field) -> Bool[Tensor, "1 H W"]:
    x, y = _places(flow)
    height, width = flow.shape[1:]
    return ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))[None]


def _places(flow: Field) -> tuple[Float[Tensor, "H W"], Float[Tensor, "H W"]]:
    """The columns and rows that pixels go to."""
    height, width = flow.shape[1:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return flow[0] + columns, flow[1] + rows


def _grey(frame: Frame) -> UInt8[np.ndarray, "H W"]:
    pixels = (frame * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    import cv2

    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


@cache
def _raft(device: torch.device | str) -> Any:
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
