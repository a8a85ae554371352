"""What made a result: written beside it and into it, read back, and run again."""

from .generated import GeneratedSettings
from .propagated import KeyFrameSettings, PropagatedSettings
from .results import (
    Made,
    check_result,
    file_hash,
    find_key_frames,
    find_motion_loras,
    find_source,
    read_made,
    read_settings,
    seen_from,
    sidecar,
    with_motion_found,
    write_result,
)
from .settings import (
    DType,
    ModelSettings,
    Settings,
    SourceSettings,
    Trim,
    method_name,
    parse,
    versions,
    with_seed,
)

__all__ = [
    "DType",
    "GeneratedSettings",
    "KeyFrameSettings",
    "Made",
    "ModelSettings",
    "PropagatedSettings",
    "Settings",
    "SourceSettings",
    "Trim",
    "check_result",
    "file_hash",
    "find_key_frames",
    "find_motion_loras",
    "find_source",
    "method_name",
    "parse",
    "read_made",
    "read_settings",
    "seen_from",
    "sidecar",
    "versions",
    "with_motion_found",
    "with_seed",
    "write_result",
]
