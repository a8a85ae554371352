"""One run: what it is (`recipe`), how it is done (`run`), and what its result says of itself (`result`).

Only values are offered here, so that forms and lists need no network: `runs.run` and `runs.result` compute.
"""

from .files import file_hash, seen_from
from .host import Host
from .recipe import (
    DType,
    InputRefs,
    KeyFrameRef,
    ModelRef,
    Recipe,
    Trim,
    VideoRef,
    parse,
    versions,
    with_seed,
)
from .refs import FileRef, MaskRef

__all__ = [
    "DType",
    "FileRef",
    "Host",
    "InputRefs",
    "KeyFrameRef",
    "MaskRef",
    "ModelRef",
    "Recipe",
    "Trim",
    "VideoRef",
    "file_hash",
    "parse",
    "seen_from",
    "versions",
    "with_seed",
]
