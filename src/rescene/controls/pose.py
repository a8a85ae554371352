"""Poses of people, drawn as OpenPose does."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ..fields import LocalName

if TYPE_CHECKING:
    from ..typing import Frames
    from ..video import Video
    from .people import People


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Skeletons of all people, on black."""

    model: LocalName = "usyd-community/vitpose-base-simple"
    """A ViTPose for COCO's keypoints: a hub id or a folder."""
    detector: LocalName = "PekingU/rtdetr_r50vd_coco_o365"
    """The model that finds people, an RT-DETR: a hub id or a folder."""
    device: str = "cpu"
    """Where to compute."""

    def __call__(self, video: "Video") -> "Video":
        from .drawn import DrawnControl

        return replace(video, clip=DrawnControl(video.clip, self._skeletons), audio=None)

    def _skeletons(self, frames: "Frames") -> "Frames":
        import torch

        from .openpose import openpose
        from .skeleton import draw  # Here, as it brings OpenCV.

        size, drawn = (frames.shape[-2], frames.shape[-1]), []
        for frame in frames.split(1):
            joints, scores = openpose(*self._people(frame))
            drawn.append(torch.from_numpy(draw(size, joints.double().numpy(), scores.double().numpy())))
        return torch.stack(drawn).permute(0, 3, 1, 2) / 255

    @cached_property
    def _people(self) -> "People":
        from .people import People

        return People.load(self.detector, self.model, device=self.device)
