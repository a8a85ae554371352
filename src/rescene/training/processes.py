"""The processes that train together: one, unless `accelerate launch` or `torchrun` started more."""

import atexit
from functools import cache

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from torch import Tensor


@cache
def processes() -> PartialState:
    """Which of them this is, and how many there are."""
    state = PartialState(cpu=not torch.cuda.is_available())
    if state.num_processes > 1:
        # Left to the interpreter's end, threads of torch's backend for processors (gloo) now and then
        # outlive what they belong to, and the process aborts after all its work is done.
        atexit.register(state.destroy_process_group)
    return state


def shared(tensor: Tensor) -> Tensor:
    """The mean of a tensor over all processes."""
    if processes().num_processes == 1:
        return tensor
    averaged = reduce(tensor, "mean")
    assert isinstance(averaged, Tensor)
    return averaged
