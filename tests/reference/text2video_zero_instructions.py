"""Text2Video-Zero's recorded edits by instruction (Video Instruct-Pix2Pix)."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from rescene import Inputs, StableDiffusion, Video
from rescene.backbones import Backbone
from rescene.backbones.stable_diffusion import DecodedLatents
from rescene.methods import InstructPix2Pix, Run
from rescene.methods.text2video_zero.instruct import InstructPix2PixEdit
from rescene.sampling import Level, Schedule, Step
from rescene.typing import Latents
from tests.reference.result import Result
from tests.reference.text2video_zero_frames import loaded
from tests.reference.text2video_zero_published import PublishedMerging, StepNoise, compare
from tests.tiny import loaded_sd

RECORDED_SIZE = 512
"""Of the recorded clip, in pixels: at this resolution nothing is resized."""


def run(root: Path, models: Path, name: str, case: Mapping[str, Any], tolerance: float) -> Iterator[Result]:
    """Runs one case and compares everything that was recorded of it."""
    recorded, model = load_file(root / f"{name}.safetensors"), loaded_sd(models / "tiny-ip2p")
    call, settings = case["call"], case["inference_kwargs"]
    pixels = loaded(root / call["video"], call["resolution"])
    if "video256_pm1" in case.get("control", ""):
        theirs = load_file(root / "inputs256.safetensors")["video256_pm1"]
        yield Result.of(f"{name}/frames", pixels / 127.5 - 1, theirs, tolerance)
    merging = PublishedMerging(settings["merging_ratio"]) if settings["merging_ratio"] else None
    ours, frames = dict[str, Tensor](), list[Tensor]()
    for index, chunk in enumerate(case["chunks_frame_ids"]):
        latents, made = edit(model, case, pixels[chunk] / 255, merging)
        ours["final_latents" if len(case["chunks_frame_ids"]) == 1 else f"final_latents.chunk{index}"] = (
            latents
        )
        frames.append(made[1:] if settings["split_to_chunks"] else made)
    ours["result_sub8"] = torch.cat(frames)[:, ::8, ::8]
    for key, theirs in recorded.items():
        if key not in ours:
            raise ValueError(f"{name} recorded {key}, which is of an unknown kind")
        yield compare(f"{name}/{key}", ours[key], theirs, tolerance)


def edit(
    model: StableDiffusion, case: Mapping[str, Any], pixels: Tensor, merging: PublishedMerging | None
) -> tuple[Tensor, Tensor]:
    """Latents and pixels, channels last, of one chunk."""
    settings, video = case["inference_kwargs"], Video.of(pixels, 8)
    if merging:
        merging.again()
        # Of three branches and an odd number of frames, the original takes the batch for unguided.
        merging = replace(merging, random=len(video) % 2 == 0)
    instruct = InstructPix2Pix(
        instruction=settings["prompt"],
        num_inference_steps=settings["num_inference_steps"],
        image_guidance_scale=settings["image_guidance_scale"],
        seed=settings["seed"],
        cross_frame=case["call"].get("use_cf_attn", True),
    )
    method = Published(
        instruct,
        model,
        first_level=between(model, settings["num_inference_steps"])[0].start,
        draws=StepNoise(settings["seed"], [len(video), 4, video.height // 8, video.width // 8]),
        merging=merging,
    )
    whole = case["call"]["resolution"] == RECORDED_SIZE
    with (
        merging.listening(model) if merging else nullcontext(),
        as_decoded(model) if whole else nullcontext(),
    ):
        latents = cast(DecodedLatents, method(Inputs(video=video), Run()).clip).latents
    # Decoded at once, as the original does: oneDNN rounds single frames otherwise.
    return latents, model.pixels(latents).permute(0, 2, 3, 1)


@contextmanager
def as_decoded(model: StableDiffusion) -> Iterator[None]:
    """A block in which frames reach the encoder with their channels last, as decoders give them.

    The original leaves them so where it doesn't resize, and oneDNN's convolutions then round coarser: by
    3e-4 in the latents.
    """
    encode = model.vae.encode
    with patch.object(model.vae, "encode", lambda x: encode(x.contiguous(memory_format=torch.channels_last))):
        yield


@dataclass(frozen=True, kw_only=True)
class Published(InstructPix2PixEdit):
    """The original's noise, and its timesteps between the trained ones."""

    draws: StepNoise
    first_level: Level
    merging: PublishedMerging | None

    def hooks(self) -> tuple[PublishedMerging, ...]:
        return (self.merging,) if self.merging else ()

    def schedule(self) -> Schedule:
        return between(self.model, self.settings.num_inference_steps)

    def noise(self, shape: Sequence[int], frames: range, *names: int | str) -> Latents:
        if not names:  # The first draw is what frames start from, at the noise of the first timestep.
            return self.draws.at(-1) * self.first_level.noise
        return self.draws.at(int(names[-1]))[frames.start : frames.stop]


def between(model: Backbone, steps: int) -> Schedule:
    """Evenly spaced timesteps that needn't be whole; their sigmas are interpolated."""
    assert isinstance(model, StableDiffusion)
    trained = np.array(model._alphas)
    times = np.linspace(0, len(trained) - 1, steps)[::-1]
    sigmas = np.interp(times, np.arange(len(trained)), np.sqrt((1 - trained) / trained))
    levels = [Level(1 / math.hypot(1, sigma), sigma / math.hypot(1, sigma)) for sigma in [*sigmas, 0.0]]
    every = (Step(i, float(time), levels[i], levels[i + 1]) for i, time in enumerate(times))
    return replace(model.schedule(steps), steps=tuple(every))
