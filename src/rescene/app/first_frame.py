"""The first frame of a video, to be painted on or replaced by another picture."""

from typing import Any

import gradio as gr
import numpy as np
import torch
from PIL import Image

from ..typing import Frames
from ..video import Video
from .showing import pixels
from .sources import Sources
from .trims import trim_of


def frame_editor(label: str, name: str) -> gr.ImageEditor:
    """The editor, hidden until there is a frame; `name` is its id on the page."""
    return gr.ImageEditor(
        type="pil",
        image_mode="RGB",
        sources=["upload"],
        layers=False,
        brush=gr.Brush(default_size=8),
        label=label,
        elem_id=name,
        elem_classes="rs-frame-editor",
        visible=False,
    )


def first_frame(sources: Sources, stage: dict[str, Any] | None, shown: object) -> tuple[Any, Any]:
    """The frame that a cut clip begins with, for an editor that shows another one or none.

    Args:
        sources: Where the clip is looked up.
        stage: What the large picture shows.
        shown: What this gave before as its second part.

    Returns:
        The editor's update, and which frame of which video it is.
    """
    name = ((stage or {}).get("source") or {}).get("id")
    start = trim_of(stage or {}).start
    if name is None or [name, start] == shown:
        return gr.skip(), shown
    frame = Video.read(sources.get(name).path, start=start, frames=1).frames[0]
    return gr.update(value=pixels(frame), visible=True), [name, start]


def painted(value: dict[str, Any] | None) -> Image.Image | None:
    """What the editor holds: the frame with everything that was painted on it."""
    return (value or {}).get("composite")


def covering(picture: Image.Image, video: Video) -> Video:
    """A picture as a video of one frame of the size of `video`: scaled and cropped, where it has another."""
    return Video.of(frames_of(picture), video.fps).cover(video.height, video.width)


def frames_of(picture: Image.Image) -> Frames:
    """A picture as frames [1, 3, H, W]."""
    return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)[None].float() / 255
