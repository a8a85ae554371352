"""How the original loads frames: crop by an offset, resize the short side, crop the centre.

rescene resizes with a bicubic filter; the original's bilinear one is put in here.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from rescene import Video
from tests.reference.result import Result

OFFSETS = {
    "offset_96x170_to_64": {"left": 20, "right": 6, "top": 10, "bottom": 4},
    # The original cuts 200 rows off when an offset doesn't name the top.
    "offset_partial_300x200_default_top": {"top": 200},
}
"""The offsets of the recorded cases by name; the manifest doesn't list them."""


def run(root: Path) -> Iterator[Result]:
    """Compares frames after the original's transform."""
    path = root / "dataset_transform.safetensors"
    tensors = load_file(path) if path.exists() else {}
    for name in sorted(name for name in tensors if not name.endswith(".input_u8")):
        frames = tensors[f"{name}.input_u8"].permute(0, 3, 1, 2)
        if name.startswith("offset") and name not in OFFSETS:
            raise ValueError(f"the offset of case {name} is unknown")
        ours = squared(frames, size=tensors[name].shape[-1], offset=OFFSETS.get(name, {}))
        yield Result.of(f"frames/{name}", 2 * ours.permute(1, 0, 2, 3) - 1, tensors[name], 1e-5)


def squared(frames: Tensor, *, size: int, offset: Mapping[str, int]) -> Tensor:
    """Frames as the original's data set gives them, in [0, 1]."""
    video = Video.of(frames, 8)
    left, top = min(offset.get("left", 0), video.width - 1), min(offset.get("top", 0), video.height - 1)
    right = min(offset.get("right", 0), video.width - left - 1)
    bottom = min(offset.get("bottom", 0), video.height - top - 1)
    video = video.crop(video.height - top - bottom, video.width - left - right, top=top, left=left)
    short = min(video.height, video.width)
    resized = [size if side == short else int(size / short * side) for side in (video.height, video.width)]
    pixels = F.interpolate(video.frames, resized, mode="bilinear", antialias=True)
    return Video.of(pixels.clamp(0, 1), 8).crop(size, size).frames
