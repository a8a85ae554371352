"""Poses of people, drawn as OpenPose does."""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from ..fields import LocalName
from ..typing import Frames
from ..video import Video
from .control import Drawn
from .people import Joints, People, Scores

OPENPOSE = (6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
"""COCO's numbers of OpenPose's keypoints after nose and neck."""


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Skeletons of all people, on black."""

    model: LocalName = "usyd-community/vitpose-base-simple"
    """A ViTPose for COCO's keypoints: a hub id or a folder."""
    detector: LocalName = "PekingU/rtdetr_r50vd_coco_o365"
    """The model that finds people, an RT-DETR: a hub id or a folder."""
    device: str = "cpu"
    """Where to compute."""

    def __call__(self, video: Video) -> Video:
        return replace(video, clip=Drawn(video.clip, self._skeletons), audio=None)

    def _skeletons(self, frames: Frames) -> Frames:
        from .skeleton import draw  # Here, as it brings OpenCV.

        size, drawn = (frames.shape[-2], frames.shape[-1]), []
        for frame in frames.split(1):
            joints, scores = openpose(*self._people(frame))
            drawn.append(torch.from_numpy(draw(size, joints.double().numpy(), scores.double().numpy())))
        return torch.stack(drawn).permute(0, 3, 1, 2) / 255

    @cached_property
    def _people(self) -> People:
        return People.load(self.detector, self.model, device=self.device)


def openpose(joints: Joints, scores: Scores) -> tuple[Float[Tensor, "P 18 2"], Float[Tensor, "P 18"]]:
    """OpenPose's keypoints, of COCO's: the neck is between the shoulders."""
    left, right = 5, 6
    necks = (joints[:, left] + joints[:, right]) / 2
    sure = torch.minimum(scores[:, left], scores[:, right])
    order = list(OPENPOSE)
    return (
        torch.cat([joints[:, :1], necks[:, None], joints[:, order]], 1),
        torch.cat([scores[:, :1], sure[:, None], scores[:, order]], 1),
    )
