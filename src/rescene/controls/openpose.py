"""OpenPose's keypoints, which pose ControlNets were shown, of those that COCO names."""

import torch
from jaxtyping import Float
from torch import Tensor

from .people import Joints, Scores

OPENPOSE = (6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
"""COCO's numbers of OpenPose's keypoints after nose and neck."""


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
