"""Memory that computing on a processor needn't take."""

import ctypes
import sys
from typing import Any

from diffusers.models.attention import BasicTransformerBlock
from torch import nn


def feed_frame_by_frame(network: nn.Module) -> None:
    """Makes feed-forward layers take one frame at a time: inside they are eight times as wide as outside.

    On a processor that costs no time, as many small launches on a GPU would.
    """
    for module in network.modules():
        if isinstance(module, BasicTransformerBlock):
            module.set_chunk_feed_forward(1)


def give_back() -> None:
    """Returns memory that is free to the system, where the C library (GNU's) would keep it between uses."""
    if (library := _gnu()) is not None:
        library.malloc_trim(0)


def give_back_at_once() -> None:
    """From now on, memory of large tensors is returned to the system when they are freed.

    GNU's C library else learns to keep what has up to 32 MB, and holes between such tensors add up. Larger
    ones are always returned: this makes small pictures as frugal as large ones, and their decoding slower.
    """
    if (library := _gnu()) is not None:
        library.mallopt(_MMAP_THRESHOLD, 4 << 20)


_MMAP_THRESHOLD = -3
"""What `malloc.h` calls M_MMAP_THRESHOLD."""


def _gnu() -> Any:
    """The C library, if it is GNU's."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "malloc_trim") else None
