"""The arithmetic of a forward pass, counted on shapes alone."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from ..video import Video
from .backbone import Backbone, Branch, Condition


def operations(model: Backbone, size: tuple[int, int]) -> int:
    """Floating-point operations for one frame of (height, width) pixels; a model without weights will do."""
    blank = Video.of(torch.zeros(1, 3, *size, dtype=torch.uint8), 1)
    z = model.encode(blank)
    depth = {"depth": torch.zeros_like(z[:, :1]), "beside": z}
    condition = Condition(
        text=model.text("") if model.text and "text" in model.conditions else None,
        picture=model.picture(blank.frames, fps=1) if "picture" in model.conditions else None,
        beside=next((depth[kind] for kind in depth if kind in model.conditions), None),
    )
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.predict(Branch(z, model.schedule(2)[0], condition))
    return counter.get_total_flops()
