"""Draws the pictures of docs/guide.md: what each knob does to a clip that comes with rescene.

`python docs/images/knobs.py`, with `--model FOLDER` for other weights of mini. Two minutes on a processor.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import rescene
from rescene.demo import CLIP
from rescene.pictures import contact_sheet, side_by_side

FOLDER = Path(__file__).parent
FRAMES, SHOWN = 4, 2
SOURCE = "a red car on the road"
GREEN = rescene.FateZero(
    source=SOURCE, target="a green car on the road", num_inference_steps=20, guidance_scale=3, store="ram"
)
BERRY = replace(GREEN, target="a red strawberry on the road")
SKETCHED = replace(GREEN, target="a red car on the road, pencil sketch")
MASKED: Mapping[str, Any] = {"mask_words": ("red", "car")}
HELD: Mapping[str, Any] = {
    **MASKED,
    "mask_threshold": 0.5,
    "keep_background": True,
    "background_window": (0.2, 1),
}
ROWS: Mapping[str, tuple[rescene.FateZero, Mapping[str, Mapping[str, Any]]]] = {
    "self-replace": (
        replace(BERRY, **HELD, target_mask_words=("strawberry",), blend_attention=False),
        {
            f"--self-replace {share}": {"self_replace": share, "cross_replace": 0.3}
            for share in (0, 0.3, 0.6, 0.9)
        },
    ),
    "masks": (
        replace(GREEN, guidance_scale=7.5),
        {
            "no mask": {},
            "--mask-words red car": MASKED,
            "--keep-background": {**MASKED, "keep_background": True},
            "... to the end": HELD,
            "--no-blend-attention": {**HELD, "blend_attention": False},
        },
    ),
    "mask-threshold": (
        replace(GREEN, **HELD),
        {f"--mask-threshold {share}": {"mask_threshold": share} for share in (0.1, 0.3, 0.5, 0.8)},
    ),
    "guidance-scale": (
        SKETCHED,
        {f"--guidance-scale {scale}": {"guidance_scale": scale} for scale in (1, 3, 7.5, 15)},
    ),
    "steps": (
        replace(GREEN, **HELD),
        {f"{steps} steps": {"num_inference_steps": steps} for steps in (4, 10, 20, 50)},
    ),
}
"""Pictures by name: an edit, and what each tile changes in it."""


@torch.no_grad()
def main() -> None:
    """Writes a PNG for each row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--only", nargs="*", choices=list(ROWS), default=list(ROWS))
    arguments = parser.parse_args()
    model = rescene.load(arguments.model, dtype=getattr(torch, arguments.dtype))
    clip = rescene.Video.read(CLIP)[:FRAMES]
    for name in arguments.only:
        edit, tiles = ROWS[name]
        results = {label: replace(edit, **values)(model, clip) for label, values in tiles.items()}
        shown = {key: video[SHOWN : SHOWN + 1] for key, video in {"source": clip, **results}.items()}
        contact_sheet(side_by_side(shown)).save(FOLDER / f"knob-{name}.png", optimize=True)


if __name__ == "__main__":
    main()
