"""What a recorded case of TokenFlow consists of: its clip, its tensors, its model."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from rescene import StableDiffusion, Video
from rescene.backbones.changes import Steering, load_controlnet
from rescene.methods.tokenflow.conditions import Conditions
from tests.reference.result import Result
from tests.tiny import loaded_sd

BOUNDS = {
    "inversion": (1e-4,),
    "reconstruction": (1e-3,),
    "x": (1e-5,),
    "z": (1e-4,),
    "step": (5e-5,),
    "picture": (1.0, 1e-3),
}
"""The manifest's tolerances, which it gives as sentences: largest error, and mean where there is one."""
FLIPPED = {"largest": 5e-2, "mean": 2e-5, "quantile": 5e-3}
"""Those of a step in which the order of two nearly equal neighbours may be another."""
RUN = {"largest": 1e-1, "mean": 1e-4, "quantile": 1e-2}
"""Those of a whole run."""
SENTENCES = {
    "inversion latents": "max abs 1e-4",
    "ddim reconstruction": "max abs 1e-3",
    "ddpm x_t": "max abs 1e-5; z_t: max abs 1e-4",
    "one sampling step from the golden latents, no NN flip": "max abs 5e-5",
    "one sampling step, with flips of near-tied NN tokens": "mean abs 2e-5, 99.9% quantile 5e-3, max 5e-2",
    "whole sampling run": "mean abs 1e-4",
    "PNG": "max 1 level (truncation boundary), on under 0.1% of values",
    "NN fields": "at most 0.05% of tokens may differ",
}
"""How each sentence begins: a manifest with other bounds must not pass unnoticed."""


@dataclass(frozen=True)
class Recorded:
    """One case of the manifest."""

    root: Path
    models: Path
    name: str
    settings: Mapping[str, Any]
    manifest: Mapping[str, Any]

    def __post_init__(self) -> None:
        for subject, sentence in self.manifest["tolerance"].items():
            if not sentence.startswith(SENTENCES[subject]):
                raise ValueError(f"the manifest's tolerance of {subject} is no longer {SENTENCES[subject]!r}")

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """The recorded outputs."""
        return load_file(self.root / self.settings["file"])

    @cached_property
    def model(self) -> StableDiffusion:
        """The tiny model."""
        return loaded_sd(self.models / "tiny-sd")

    @cached_property
    def video(self) -> Video:
        """The clip that was edited."""
        name = Path(self.settings["config"]["data_path"]).name
        about = self.manifest["clips"][name]
        frames = make_clip(*about["make_clip"])
        if hashlib.sha256(frames.tobytes()).hexdigest() != about["sha256_uint8_FHWC"]:
            raise ValueError(f"the frames of {name} are not the recorded ones")
        return Video.of(torch.from_numpy(frames).permute(0, 3, 1, 2), 8)

    @cached_property
    def conditions(self) -> Conditions:
        """The tiny ControlNet, which is shown the recorded edges."""
        net = load_controlnet(self.root / "tiny-controlnet", self.model)
        recorded = self.settings.get("source_latents_from", self.settings["file"])
        edges = load_file(self.root / recorded)["canny_cond"].float()
        frames = Video.of(edges[:, None].expand(-1, 3, -1, -1), 8)
        return Conditions((Steering(net, net.hints(frames)),))

    def compare(self, subject: str, ours: Tensor, recorded: str, kind: str) -> Result:
        """Compares with one recorded tensor, by the manifest's tolerance for its kind."""
        return Result.of(f"{self.name}/{subject}", ours, self.tensors[recorded], *BOUNDS[kind])

    def compare_run(self, subject: str, ours: Tensor, theirs: Tensor, bounds: Mapping[str, float]) -> Result:
        """Compares by three statistics; where the quantile fails, the largest error counts as infinite."""
        error = (ours.double() - theirs.double()).abs().flatten()
        largest = float(error.max())
        if float(error.kthvalue(max(1, int(0.999 * len(error)))).values) > bounds["quantile"]:
            largest = float("inf")
        mean = float(error.mean())
        return Result(f"{self.name}/{subject}", largest, mean, bounds["largest"], bounds["mean"])

    def compare_picture(self, pixels: Tensor, recorded: str) -> Result:
        """Compares a frame with a PNG: 8 bits, truncated."""
        ours = (255 * pixels).to(torch.uint8).permute(1, 2, 0)
        return self.compare(recorded, ours.float(), recorded, "picture")


def make_clip(frames: int, width: int, height: int) -> np.ndarray:
    """The recorded clip: a square moves over a pattern of triangle waves, all in whole numbers."""
    y, x = np.mgrid[:height, :width]

    def mean(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return (first + second) // 2

    still = np.stack(
        [
            mean(wave(3 * x + 2 * y, 211), wave(x - y + 8192, 37)),
            mean(wave(x + 5 * y, 307), wave(2 * x + y, 29)),
            mean(wave(4 * x + y, 173), wave(x + 3 * y, 53)),
        ],
        axis=-1,
    )
    clip = np.repeat(still[None], frames, axis=0).astype(np.uint8)
    side = min(width, height) // 4
    v, u = np.mgrid[:side, :side]
    square = np.stack([230 - u * 60 // side, 40 + v * 80 // side, 60 + (u + v) * 40 // side], axis=-1)
    for number, frame in enumerate(clip):
        left, top = width // 8 + width * number // 16, height // 4 + height * number // 32
        room = frame[top : top + side, left : left + side]
        room[:] = square[: room.shape[0], : room.shape[1]]
    return clip


def wave(position: np.ndarray, half: int) -> np.ndarray:
    """A triangle wave between 0 and 255, of half-period `half`."""
    return np.abs(position % (2 * half) - half) * 255 // half
