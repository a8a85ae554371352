"""Finds people and their joints, from the frame's top down: RT-DETR, then ViTPose for each person.

Zhao et al., "DETRs beat YOLOs on real-time object detection", CVPR 2024. Xu et al., "ViTPose: simple vision
transformer baselines for human pose estimation", NeurIPS 2022. Both are transformers' own, without its image
processors: those want torchvision or SciPy.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..typing import Frames
from .pretrained import pretrained

Boxes = Float[Tensor, "P 4"]
"""People's left, top, right and bottom edges, in pixels."""
Joints = Float[Tensor, "P 17 2"]
"""COCO's 17 keypoints of each person, x before y, in pixels."""
Scores = Float[Tensor, "P 17"]
"""How sure each is, from 0 to about 1."""

DETECTION_SIZE = 640
PERSON_THRESHOLD = 0.3
MARGIN = 1.25
"""How much larger than the box what ViTPose is shown is."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's colours."""


@dataclass(frozen=True, eq=False)
class People:
    """The two networks."""

    detector: Any
    estimator: Any

    @classmethod
    def load(cls, detector: str, estimator: str, *, device: str) -> "People":
        """Reads them from folders or the hub.

        Raises:
            FileNotFoundError: If one isn't there.
            ValueError: If the detector finds no people.
        """
        # Imported here: they are large, and most edits need no poses.
        from transformers import AutoModelForObjectDetection, VitPoseForPoseEstimation

        finds = pretrained(AutoModelForObjectDetection, detector, what="detection", use_safetensors=True)
        if "person" not in finds.config.id2label.values():
            raise ValueError(
                f"the detection model {detector} finds no people: none of its classes is 'person'"
            )
        poses = pretrained(VitPoseForPoseEstimation, estimator, what="pose", use_safetensors=True)
        return cls(finds.eval().to(device), poses.eval().to(device))

    def __call__(self, frame: Frames) -> tuple[Joints, Scores]:
        """Everybody in one frame."""
        return self.joints(frame, self.boxes(frame))

    @torch.no_grad()
    def boxes(self, frame: Frames) -> Boxes:
        """Where people are in one frame."""
        small = F.interpolate(frame, (DETECTION_SIZE, DETECTION_SIZE), mode="bilinear", antialias=True)
        found = self.detector(small.to(self.detector.device))
        classes = self.detector.config.id2label
        person = next(number for number, name in classes.items() if name == "person")
        sure = found.logits[0].sigmoid()[:, person]
        boxes = found.pred_boxes[0][sure > PERSON_THRESHOLD].float().cpu()
        middles, half = boxes[:, :2], boxes[:, 2:] / 2
        height, width = frame.shape[-2:]
        return torch.cat([middles - half, middles + half], 1) * torch.tensor([width, height] * 2)

    @torch.no_grad()
    def joints(self, frame: Frames, boxes: Boxes) -> tuple[Joints, Scores]:
        """The joints of the people in `boxes`."""
        if not len(boxes):
            return torch.zeros(0, 17, 2), torch.zeros(0, 17)
        rows, columns = self.estimator.config.backbone_config.image_size
        regions = padded(boxes, columns / rows)
        pixels = cropped(frame, regions, (rows, columns))
        normal = (pixels - torch.tensor(MEAN)[:, None, None]) / torch.tensor(DEVIATION)[:, None, None]
        datasets = torch.zeros(len(boxes), dtype=torch.long)  # Models of several experts ask: 0 is COCO.
        device = self.estimator.device
        heat = self.estimator(normal.to(device), dataset_index=datasets.to(device)).heatmaps.float().cpu()
        places, scores = peaks(heat)
        ends = torch.tensor([heat.shape[-1] - 1, heat.shape[-2] - 1])
        corners, sizes = regions[:, None, :2], (regions[:, 2:] - regions[:, :2])[:, None]
        return corners + places / ends * sizes, scores


def padded(boxes: Boxes, shape: float) -> Boxes:
    """Boxes grown to `shape`, width by height, and by a margin."""
    middles, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    height = torch.maximum(sizes[:, 1], sizes[:, 0] / shape)
    half = MARGIN / 2 * torch.stack([height * shape, height], 1)
    return torch.cat([middles - half, middles + half], 1)


def cropped(frame: Frames, regions: Boxes, size: tuple[int, int]) -> Float[Tensor, "P 3 h w"]:
    """The regions of a frame, scaled to `size`; black beyond its edges.

    Their first and last positions lie on the edges ("unbiased data processing", Huang et al., CVPR 2020).
    """
    across, down = torch.linspace(0, 1, size[1]), torch.linspace(0, 1, size[0])
    left, top, right, bottom = regions.T[..., None]
    x = (left + across * (right - left)) / (frame.shape[-1] - 1) * 2 - 1
    y = (top + down * (bottom - top)) / (frame.shape[-2] - 1) * 2 - 1
    grid = torch.stack([x[:, None].expand(-1, size[0], -1), y[:, :, None].expand(-1, -1, size[1])], dim=-1)
    return F.grid_sample(frame.expand(len(regions), -1, -1, -1), grid, align_corners=True)


def peaks(heat: Float[Tensor, "P J h w"]) -> tuple[Float[Tensor, "P J 2"], Float[Tensor, "P J"]]:
    """Where heat maps are highest, x before y, and how high.

    Places lie between positions: at the top of a Gaussian through the highest and its neighbours (after Zhang
    et al., "Distribution-aware coordinate representation", CVPR 2020).
    """
    width = heat.shape[-1]
    scores, index = heat.flatten(2).max(-1)
    x, y = index % width, index // width
    logs = F.pad(heat.clamp_min(1e-3).log(), (1, 1, 1, 1), mode="replicate").flatten(2)

    def log_heat(across: int, down: int) -> Tensor:
        at = (y + 1 + down) * (width + 2) + x + 1 + across
        return logs.gather(2, at[..., None])[..., 0]

    def offset(before: Tensor, after: Tensor) -> Tensor:
        curve = (2 * log_heat(0, 0) - before - after).clamp_min(1e-6)
        return ((after - before) / (2 * curve)).clamp(-0.5, 0.5)

    dx, dy = offset(log_heat(-1, 0), log_heat(1, 0)), offset(log_heat(0, -1), log_heat(0, 1))
    return torch.stack([x + dx, y + dy], -1), scores
