"""The part of a clip that lies between the handles of the timeline."""

from collections.abc import Mapping
from typing import Any

from ..runs import Trim


def trim_of(stage: Mapping[str, Any]) -> Trim:
    """The frames between the handles of the timeline."""
    trim, source = stage.get("trim") or {}, stage.get("source") or {}
    start, end = int(trim.get("start", 0)), int(trim.get("end", source.get("frames", 0)))
    return Trim(start=start, end=None if end >= int(source.get("frames", 0)) else end)
