"""Text2Video-Zero's recorded clips from prompts: latents on the way and decoded frames."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from rescene import Inputs, StableDiffusion, Text2VideoZero
from rescene.methods import Run
from rescene.methods.text2video_zero.background import smooth
from rescene.sampling.noise import warp
from tests.reference.result import Result
from tests.reference.text2video_zero_published import (
    PublishedClip,
    PublishedMerging,
    compare,
    frames_first,
    stub_saliency,
)
from tests.tiny import loaded_sd

TABLE_STEPS = 50
"""t0 and t1 are numbers of steps in a schedule of so many."""
LOGO_ROWS, LOGO_COLUMNS = 32, 280
"""Written frames carry a logo, which isn't rescene's to draw, in their lower right corner."""


def run(root: Path, models: Path, name: str, case: Mapping[str, Any], tolerance: float) -> Iterator[Result]:
    """Runs one case and compares everything that was recorded of it."""
    recorded, model = load_file(root / f"{name}.safetensors"), loaded_sd(models / "tiny-sd")
    settings, chunks = case["inference_kwargs"], case["chunks_frame_ids"]
    ours, frames = dict[str, Tensor](), list[Tensor]()
    merging = PublishedMerging(settings["merging_ratio"]) if settings["merging_ratio"] else None
    # Without merging, all chunks are made in one go: their anchors are the same.
    for group in [[chunk] for chunk in chunks] if merging else [chunks]:
        edit = published(model, case, group, merging)
        made, decoded = generate(edit)
        frames.append(decoded[1:] if settings["split_to_chunks"] else decoded)
        for chunk, places in zip(group, placed(group), strict=True):
            suffix = f".chunk{chunks.index(chunk)}" if len(chunks) > 1 else ""
            values = made | {"final_latents": made["final_latents"][places]}
            ours |= {f"{key}{suffix}": value for key, value in of_chunk(edit, values, places).items()}
    texts = [model.text(settings[key] or "").states[None] for key in ("negative_prompt", "prompt")]
    ours |= {"text_embeddings_neg_pos": torch.cat(texts), "result_sub8": torch.cat(frames)[:, ::8, ::8]}
    for key, theirs in recorded.items():
        if theirs.dtype == torch.uint8 and theirs.shape[-1] == 3:
            yield written(f"{name}/{key}", torch.cat(frames), theirs)
            continue
        if key not in ours:
            raise ValueError(f"{name} recorded {key}, which is of an unknown kind")
        theirs = frames_first(theirs) if theirs.ndim == 5 else theirs
        yield compare(f"{name}/{key}", ours[key], theirs, tolerance)


def run_diffusers(
    root: Path, models: Path, name: str, case: Mapping[str, Any], tolerance: float
) -> Iterator[Result]:
    """The same clip by diffusers' pipeline, with its own layout of the noise and with the original's."""
    model = loaded_sd(models / "tiny-sd")
    ours = dict[str, Tensor]()
    for key, by_frame in (("final_latents", True), ("final_latents_eps_cfhw", False)):
        edit = replace(published(model, case, case["chunks_frame_ids"], None), by_frame=by_frame)
        ours[key] = generate(edit)[0]["final_latents"]
    for key, theirs in load_file(root / f"{name}.safetensors").items():
        yield compare(f"{name}/{key}", ours[key], theirs, tolerance)


def published(
    model: StableDiffusion,
    case: Mapping[str, Any],
    chunks: Sequence[Sequence[int]],
    merging: PublishedMerging | None,
) -> PublishedClip:
    """The method with the original's settings, for some of its chunks."""
    settings = case["inference_kwargs"]
    if merging:
        merging.again()
    clip = Text2VideoZero(
        prompt=settings["prompt"],
        negative_prompt=settings["negative_prompt"] or "",
        num_frames=1 + sum(len(chunk) - 1 for chunk in chunks),
        height=settings["height"],
        width=settings["width"],
        num_inference_steps=settings.get("num_inference_steps", TABLE_STEPS),
        seed=settings["seed"],
        motion=settings["use_motion_field"],
        pan=(settings["motion_field_strength_x"], settings["motion_field_strength_y"]),
        t0=settings["t0"] / TABLE_STEPS,
        t1=settings["t1"] / TABLE_STEPS,
        cross_frame=case["call"].get("use_cf_attn", True),
        smooth_background=(1 - settings["smooth_bg_strength"]) if settings["smooth_bg"] else 0,
    )
    return PublishedClip(
        clip,
        model,
        saliency=stub_saliency() if settings["smooth_bg"] else None,
        chunks=chunks,
        every_step=model.schedule(999),
        merging=merging,
    )


def generate(edit: PublishedClip) -> tuple[dict[str, Tensor], Tensor]:
    """All that the original keeps, for all frames; and the frames, decoded, channels last."""
    during = list[Tensor]()

    def remember(iterable: Iterable[Any], /, *, description: str, total: int) -> Iterator[Any]:
        for item in iterable:
            if isinstance(item, Tensor):
                during.append(item)
            yield item

    with edit.merging.listening(edit.model) if edit.merging else nullcontext():
        video = edit(Inputs(), Run(progress=remember))
    steps = edit.settings.num_inference_steps
    early, late = edit.window(steps)
    last = during[steps - early - 1 if edit.settings.motion else steps - 1]
    seen = {"at_T0": during[late - 1], "first_pass": last[:1], **edit.seen, "final_latents": during[-1]}
    return seen, video.frames.permute(0, 2, 3, 1)


def placed(chunks: Sequence[Sequence[int]]) -> list[list[int]]:
    """Where the frames of each chunk are when all are made in one go."""
    starts = [1 + sum(len(chunk) - 1 for chunk in chunks[:index]) for index in range(len(chunks))]
    return [[0, *range(start, start + len(chunk) - 1)] for start, chunk in zip(starts, chunks, strict=True)]


def of_chunk(edit: PublishedClip, made: Mapping[str, Tensor], places: list[int]) -> dict[str, Tensor]:
    """What happened in one chunk, by the names in the recording."""
    alone = [0] if edit.settings.motion else places
    shifts, zooms = edit.camera()
    others = places[1:]
    values = {
        "x_T": made["at_T"][alone],
        "x_T1_first": made["at_T1"][alone],
        "x_T0_first": made["at_T0"][alone],
        "x_0_firstpass": made["first_pass"],
        "warped_T0": warp(made["at_T0"][:1], shifts[others], zooms[others]),
        "noised_T1": made["at_T1"][others],
        "final_latents": made["final_latents"],
    }
    if share := edit.settings.smooth_background:
        values["x_0_before_smoothing"] = made["unsmoothed"]
        values["x_T1_smoothed"] = smooth(made["at_T1"], made["masks"], shifts, zooms, share=share)
    return values


def written(name: str, ours: Tensor, theirs: Tensor) -> Result:
    """Compares frames as they are written, outside the logo: a rounding error may cross one of 256 levels."""
    pixels = (ours * 255).to(torch.uint8).float()
    theirs = theirs.float()
    if pixels.shape == theirs.shape:
        pixels[:, -LOGO_ROWS:, -LOGO_COLUMNS:] = theirs[:, -LOGO_ROWS:, -LOGO_COLUMNS:]
    return Result.of(name, pixels, theirs, 1.0, 1e-2)
