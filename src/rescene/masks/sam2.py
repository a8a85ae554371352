"""Marks carried by SAM 2 (Ravi et al., "Segment Anything in Images and Videos", 2024), of transformers."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..controls.pretrained import pretrained
from ..inputs.marks import Marks
from ..progress import Progress
from ..video import Video
from .tracking import Tracked, spans, working_scale

MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the pictures that it was trained on."""
LEFT_TOP, RIGHT_BOTTOM = 2, 3
"""Labels of a box's corners; those of points are 1 inside and 0 outside."""


@dataclass(frozen=True)
class BySam2:
    """Carries marks by a network that remembers the object."""

    model: str
    """A hub id or a folder."""
    device: str = "cpu"

    @property
    def title(self) -> str:
        """The name of it, for people."""
        return f"SAM 2 ({self.model})"

    @torch.no_grad()
    def __call__(self, video: Video, marks: Marks, progress: Progress) -> Tracked:
        """Carries the marks from each marked frame to the frames that are nearest to it."""
        scale = working_scale(video)
        size = round(video.height * scale), round(video.width * scale)
        mattes, doubts = np.zeros((len(video), *size), np.uint8), dict[int, str]()

        def found() -> Iterable[int]:
            for frame, backwards, onwards in spans(marks.frames, len(video)):
                for way in (onwards, backwards) if len(backwards) else (onwards,):
                    session = self._begun(marks.on(frame), (video.height, video.width))
                    for time, number in enumerate((frame, *way)):
                        pixels = self._pixels(video, number)
                        out = self._network(inference_session=session, frame=pixels, frame_idx=time)
                        logits = F.interpolate(out.pred_masks.float(), size, mode="bilinear")
                        mattes[number] = 255 * (logits > 0).any(0)[0].cpu().numpy()
                        if not (out.object_score_logits > 0).any():
                            doubts[number] = "the object isn't seen"
                        if time or way is onwards:
                            yield number

        for _ in progress(found(), description="Masking", total=len(video)):
            pass
        return Tracked(mattes=mattes, doubts=doubts)

    def _begun(self, marks: Marks, size: tuple[int, int]) -> Any:
        """A session in which each box, each outline, or all points together are an object of frame 0."""
        from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

        session: Any = Sam2VideoInferenceSession(
            video_height=size[0],
            video_width=size[1],
            inference_device=self.device,
            dtype=torch.float32,
        )
        ratio = torch.tensor([self._side / size[1], self._side / size[0]])
        places = [[float(mark.x), float(mark.y)] for mark in marks.points]
        labels = [int(mark.inside) for mark in marks.points]
        # The points belong to the first object.
        objects = [
            ([[box.x, box.y], [box.x + box.width, box.y + box.height]], [LEFT_TOP, RIGHT_BOTTOM])
            for box in marks.boxes
        ] or ([([], [])] if any(labels) else [])
        for number, (corners, kinds) in enumerate(objects):
            more = (places, labels) if number == 0 else ([], [])
            coords = torch.tensor([*corners, *more[0]], dtype=torch.float32) * ratio
            inputs = {
                "point_coords": coords[None, None],
                "point_labels": torch.tensor([*kinds, *more[1]], dtype=torch.int32)[None, None],
            }
            session.add_point_inputs(session.obj_id_to_idx(number), 0, inputs)
        for number, outline in enumerate(marks.polygons, len(objects)):
            corners = (torch.tensor(outline.corners) * ratio).round().int().numpy()
            drawn = cv2.fillPoly(np.zeros((self._side, self._side), np.uint8), [corners], 1)
            mask = torch.from_numpy(drawn).float()[None, None]
            session.add_mask_inputs(session.obj_id_to_idx(number), 0, mask)
        session.obj_with_new_inputs = list(range(len(objects) + len(marks.polygons)))
        return session

    def _pixels(self, video: Video, number: int) -> Float[Tensor, "3 S S"]:
        """A frame as the network reads it."""
        frame = video.clip.read(number, number + 1)
        scaled = F.interpolate(frame, (self._side, self._side), mode="bilinear", antialias=True)[0]
        mean, spread = (torch.tensor(values)[:, None, None] for values in (MEAN, SPREAD))
        return ((scaled - mean) / spread).to(self.device)

    @property
    def _side(self) -> int:
        side = self._network.config.image_size
        return int(side if isinstance(side, int) else side[0])

    @cached_property
    def _network(self) -> Any:
        from transformers import Sam2VideoModel

        network = pretrained(Sam2VideoModel, self.model, what="SAM 2", use_safetensors=True)
        return network.eval().to(self.device)
