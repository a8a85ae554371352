"""Depth, by any of transformers' depth estimation models."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..fields import LocalName

if TYPE_CHECKING:
    from torch import Tensor

    from ..typing import Frames
    from ..video import Video


@dataclass(frozen=True, kw_only=True)
class Depth:
    """Grey frames, near things white and far ones black.

    They are scaled over the whole clip: scaled one by one, they would flicker.
    """

    model: LocalName = "Intel/dpt-hybrid-midas"
    """A hub id or folder of a model that estimates inverse depth, as MiDaS, DPT and Depth Anything do."""
    device: str = "cpu"
    """Where to compute."""

    def __call__(self, video: "Video") -> "Video":
        import torch

        from ..video import TensorClip

        depth = torch.cat([self._estimate(frame) for frame in video.chunks(1)])
        low, high = depth.amin(), depth.amax()
        grey = ((depth - low) / (high - low).clamp_min(torch.finfo(depth.dtype).tiny) * 255).round().byte()
        return replace(video, clip=TensorClip(grey[:, None].expand(-1, 3, -1, -1)), audio=None)

    def _estimate(self, frames: "Frames") -> "Tensor":
        """The depth of some frames [F, H, W]."""
        import torch

        processor, network = self._parts
        pixels = (frames * 255).round().byte()
        inputs = processor(images=list(pixels.permute(0, 2, 3, 1).numpy()), return_tensors="pt")
        with torch.no_grad():
            outputs = network(inputs["pixel_values"].to(self.device))
        sizes = [(frames.shape[-2], frames.shape[-1])] * len(frames)
        found = processor.post_process_depth_estimation(outputs, target_sizes=sizes)
        return torch.stack([item["predicted_depth"].float().cpu() for item in found])

    @cached_property
    def _parts(self) -> tuple[Any, Any]:
        # Imported here: they are large, and most edits need no depth.
        from transformers import AutoImageProcessor, AutoModelForDepthEstimation

        from .pretrained import pretrained

        network = pretrained(AutoModelForDepthEstimation, self.model, what="depth", use_safetensors=True)
        return pretrained(AutoImageProcessor, self.model, what="depth"), network.eval().to(self.device)
