"""What text to video costs: `python -m benchmarks.text2video_zero [--frames 8 24 96] [--side 256]`.

First how often a network sees a frame in 50 steps, which needs no network. Then a network of Stable Diffusion
1.5's shape with random weights, bfloat16 (on a GPU: 512 px, 50 steps, float16): seconds, and the peak memory
from the prompt to the file, or with the model that `--network` names. Every length runs in a fresh process.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import torch

from benchmarks.phases import Phases, in_fresh_process, table
from benchmarks.shapes import sd15_shaped
from rescene import Backbone, Branch, Inputs, Run, Text2VideoZero, load

ORIGINAL = {8: 580, 24: 1544}
"""Frame evaluations of 50 steps in the original, in its chunks of 8."""


def main() -> None:
    """Runs everything, or with `--only` one length in this process."""
    cuda = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, nargs="*", default=(8, 24, 96), help="lengths of clips")
    parser.add_argument("--steps", type=int, default=50 if cuda else 2)
    parser.add_argument("--side", type=int, default=512 if cuda else 256, help="pixels of a frame's side")
    parser.add_argument("--network", help="a model, instead of one of Stable Diffusion 1.5's shape")
    parser.add_argument("--only", type=int, help="a length")
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(cost(arguments.only, arguments.steps, arguments.side, arguments.network)))
        return
    print("frame evaluations in 50 steps\n\n| frames | original | rescene |\n|---|---|---|")
    for frames in arguments.frames:
        print(f"| {frames} | {ORIGINAL.get(frames, '')} | {evaluations(frames, steps=50)} |")
    peaks: list[float] = []
    for frames in arguments.frames:
        rows = in_fresh_process("-m", "benchmarks.text2video_zero", *sys.argv[1:], "--only", str(frames))
        print(f"\n{frames} frames, {arguments.side} px, {arguments.steps} steps\n\n{table(rows)}", flush=True)
        peaks.append(max(row["peak_mb"] for row in rows.values()))
    growth = 100 * (peaks[-1] / peaks[0] - 1)
    print(
        f"\npeak memory grows by {growth:.1f} % from {arguments.frames[0]} to {arguments.frames[-1]} frames"
    )


def clip(frames: int, steps: int, side: int) -> Text2VideoZero:
    """What is generated."""
    return Text2VideoZero(
        prompt="a red car on the road",
        num_frames=frames,
        num_inference_steps=steps,
        height=side,
        width=side,
    )


def evaluations(frames: int, *, steps: int) -> int:
    """How many frames a network is shown, each with and without the prompt."""
    model, seen = load("mini", device="cpu"), list[int]()
    with counting(model, seen):
        clip(frames, steps, 128)(model)
    return sum(seen)


@contextmanager
def counting(model: Backbone, seen: list[int]) -> Iterator[None]:
    """A block in which the network predicts zeros, and the frames that it is shown are counted."""

    def predict(*branches: Branch) -> tuple[torch.Tensor, ...]:
        seen.append(len(branches[0].z))
        return tuple(torch.zeros_like(branch.z) for branch in branches)

    with patch.object(model, "predict", predict):
        yield


def cost(frames: int, steps: int, side: int, network: str | None) -> dict[str, dict[str, float]]:
    """Time and memory of one clip."""
    cuda, meter = torch.cuda.is_available(), Phases()
    with meter.phase("load"):
        dtype, device = torch.float16 if cuda else torch.bfloat16, "cuda" if cuda else "cpu"
        model = load(network) if network else sd15_shaped(dtype, device)
    made = clip(frames, steps, side)(model, Inputs(), Run(progress=meter.progress))
    with meter.phase("write"), tempfile.TemporaryDirectory(prefix="rescene-benchmark-") as folder:
        made.write(Path(folder) / "clip.mp4")
    return meter.rows


if __name__ == "__main__":
    sys.exit(main())
