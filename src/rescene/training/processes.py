"""The processes that train together: one, unless `accelerate launch` or `torchrun` started more."""

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from torch import Tensor


def processes() -> PartialState:
    """Which of them this is, and how many there are."""
    return PartialState(cpu=not torch.cuda.is_available())


def shared(tensor: Tensor) -> Tensor:
    """The mean of a tensor over all processes."""
    if processes().num_processes == 1:
        return tensor
    averaged = reduce(tensor, "mean")
    assert isinstance(averaged, Tensor)
    return averaged
