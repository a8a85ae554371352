"""What one-shot tuning costs: `python -m benchmarks.one_shot [--steps N] [--variant NAME]`.

A network of Stable Diffusion 1.5's shape with random weights, with and without gradient checkpointing, each
in a fresh process: 8 frames of 256 px in bfloat16, on a GPU 24 frames of 512 px in float16. Published for the
latter, on an A100: 300 to 500 steps in 10 to 15 minutes, 1.8 to 2 seconds a step.
"""

import argparse
import json
import sys
from typing import get_args

import torch

from benchmarks.phases import Phases, in_fresh_process
from benchmarks.shapes import sd15_shaped
from rescene import OneShot, Video
from rescene.training.one_shot import Variant


def main() -> None:
    """Measures both ways, or with `--only` one of them in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--variant", choices=get_args(Variant), default="tune-a-video")
    parser.add_argument("--only", choices=("checkpointed", "kept"))
    arguments = parser.parse_args()
    if arguments.only:
        row = tune(arguments.variant, arguments.steps, checkpointed=arguments.only == "checkpointed")
        print(json.dumps({"training": row}))
        return
    print("| activations | seconds a step | CPU seconds a step | peak MB |\n|---|---|---|---|")
    for way in ("checkpointed", "kept"):
        again = [*sys.argv[1:], "--only", way]
        row = in_fresh_process("-m", "benchmarks.one_shot", *again)["training"]
        each = [f"{row[name] / arguments.steps:.1f}" for name in ("seconds", "cpu_seconds")]
        print(f"| {way} | {each[0]} | {each[1]} | {row['peak_mb']:.0f} |", flush=True)


def tune(variant: Variant, steps: int, *, checkpointed: bool) -> dict[str, float]:
    """Some steps of a tuning."""
    cuda = torch.cuda.is_available()
    frames, side = (24, 512) if cuda else (8, 256)
    model = sd15_shaped(torch.float16 if cuda else torch.bfloat16, "cuda" if cuda else "cpu")
    draw = torch.Generator().manual_seed(0)
    video = Video.of(torch.rand(frames, 3, side, side, generator=draw), 8)
    tuning = OneShot(
        prompt="a red car on the road", variant=variant, steps=steps, gradient_checkpointing=checkpointed
    )
    meter = Phases()
    tuning(model, video, progress=meter.progress)
    return meter.rows["training"]


if __name__ == "__main__":
    sys.exit(main())
