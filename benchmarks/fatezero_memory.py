"""What FateZero costs: `python -m benchmarks.fatezero_memory [--reference FOLDER]`.

First the recorded case `attr_sc` (4 frames of 512 px, 5 steps, a tiny model), which the original edits in
146 CPU seconds with a peak of 7,241 MB, its inversion not counted. Then a network of Stable Diffusion 1.5's
shape with random weights: 8 frames of 256 px, 2 steps, bfloat16 (on a GPU: 512 px, 50 steps, float16).
Every store runs in a fresh process.
"""

import argparse
import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.phases import Phases, in_fresh_process, table
from benchmarks.shapes import sd15_shaped
from rescene import FateZero, Run, Video, load

STORES = ("recompute", "ram", "disk")
TINY = FateZero(
    source="a silver jeep driving down a curvy road in the countryside,",
    target="a Porsche car driving down a curvy road in the countryside,",
    num_inference_steps=5,
    mask_words=("silver", "jeep"),
    target_mask_words=("Porsche", "car"),
    mask_threshold=0.7,
    keep_background=True,
    frame_keys=("previous", "first"),
)
"""The settings of the original's `attr_blend_latents`."""
LARGE = FateZero(
    source="a red car on the road",
    target="a blue car on the road",
    num_inference_steps=2,
    mask_words=("car",),
)


def main() -> None:
    """Runs everything, or with `--only` one measurement in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", type=Path, help="folder with fatezero/frames and models/tiny-sd")
    parser.add_argument("--only", choices=("tiny", "sd15"))
    parser.add_argument("--store", choices=STORES, default="recompute")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rescene-benchmark-") as cache:
        os.environ["RESCENE_CACHE"] = cache  # No inversions from earlier runs.
        measure(arguments)


def measure(arguments: argparse.Namespace) -> None:
    """Prints one measurement as JSON, or all as tables."""
    if arguments.only:
        reference, store = arguments.reference, arguments.store
        print(json.dumps(tiny(reference, store) if arguments.only == "tiny" else sd15(store)))
        return
    for case in ("tiny", "sd15") if arguments.reference else ("sd15",):
        for store in STORES:
            again = [*sys.argv[1:], "--only", case, "--store", store]
            rows = in_fresh_process("-m", "benchmarks.fatezero_memory", *again)
            print(f"{case}, store {store}\n\n{table(rows)}\n", flush=True)


def tiny(reference: Path, store: str) -> dict[str, dict[str, float]]:
    """The recorded case, from PNG to decoded frames."""
    meter = Phases()
    with meter.phase("load"):
        model = load(reference / "models" / "tiny-sd", device="cpu")
        video = Video.read(reference / "fatezero" / "frames")
    with meter.phase("encode"):
        model.encode(video)
    result = replace(TINY, store=store)(model, video, Run(progress=meter.progress))
    with meter.phase("decode"):
        for _ in result.chunks(1):
            pass
    return meter.rows


def sd15(store: str) -> dict[str, dict[str, float]]:
    """An edit with a network of full size and random weights."""
    cuda = torch.cuda.is_available()
    meter, side = Phases(), 512 if cuda else 256
    edit = replace(LARGE, num_inference_steps=50) if cuda else LARGE
    with meter.phase("load"):
        model = sd15_shaped(torch.float16 if cuda else torch.bfloat16, "cuda" if cuda else "cpu")
    video = Video.of(torch.rand(8, 3, side, side, generator=torch.Generator().manual_seed(0)), 8)
    with meter.phase("encode"):
        model.encode(video)
    result = replace(edit, store=store)(model, video, Run(progress=meter.progress))
    with meter.phase("decode"):
        for _ in result.chunks(1):
            pass
    return meter.rows


if __name__ == "__main__":
    sys.exit(main())
