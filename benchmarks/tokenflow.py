"""What TokenFlow costs: `python -m benchmarks.tokenflow [--reference FOLDER] [--frames 8 40 160]`.

First the recorded cases `m_pnp_512` and `m_pnp_320_b1` (8 frames, a tiny model, one thread) from their
recorded inversions, with the original's quirks, so that the numbers compare too. Then longer clips of 256 px
with a network of Stable Diffusion 2.1's shape and random weights, bfloat16 (on a GPU: 512 px, 50 steps,
float16), or with the model that `--network` names. Every measurement runs in a fresh process. Frames are
neither encoded nor decoded: that is done one by one.
"""

import argparse
import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.meter import Meter, in_fresh_process, table
from benchmarks.shapes import sd21_shaped
from rescene import TokenFlow, load
from rescene.methods.trajectory import Source
from tests.reference.tokenflow_clip import Recorded
from tests.reference.tokenflow_published import Published, trajectory

RECORDED = {"m_pnp_512": "original: 18.6 s a step, 1830 MB", "m_pnp_320_b1": "original: 10.7 s, 1636 MB"}
LARGE = TokenFlow(
    source="a red car on the road",
    target="a blue car on the road",
    num_inference_steps=1,
    strength=1.0,
    feature_window=1.0,
    attention_window=1.0,
    joint_pivots=5,
)
"""Five pivots are those of 40 frames: longer clips are edited in groups of as many."""


def main() -> None:
    """Runs everything, or with `--only` one measurement in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", type=Path, help="folder with tokenflow/manifest.json and models/")
    parser.add_argument("--frames", type=int, nargs="*", default=(8, 40, 160), help="lengths of random clips")
    parser.add_argument("--steps", type=int, default=1, help="steps, where there is no GPU")
    parser.add_argument("--network", help="a model, instead of one of Stable Diffusion 2.1's shape")
    parser.add_argument("--only", help="a case, or a number of frames")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="rescene-benchmark-") as cache:
        os.environ["RESCENE_CACHE"] = cache  # Nothing from earlier runs.
        measure(arguments)


def measure(arguments: argparse.Namespace) -> None:
    """Prints one measurement as JSON, or all as tables."""
    if arguments.only in RECORDED:
        print(json.dumps(recorded(arguments.reference, arguments.only)))
    elif arguments.only:
        print(json.dumps(long(int(arguments.only), arguments.steps, arguments.network)))
    else:
        for name in [*(RECORDED if arguments.reference else ()), *arguments.frames]:
            rows = in_fresh_process("-m", "benchmarks.tokenflow", *sys.argv[1:], "--only", str(name))
            print(f"{name} {RECORDED.get(name, 'frames')}\n\n{table(rows)}\n", flush=True)


def recorded(reference: Path, name: str) -> dict[str, dict[str, float]]:
    """All steps of a recorded edit.

    Raises:
        ValueError: If the result isn't the recorded one.
    """
    root, meter = reference / "tokenflow", Meter()
    manifest = json.loads((root / "manifest.json").read_text())
    case = Recorded(root, reference / "models", name, manifest["cases"][name], manifest)
    with meter.phase("load"):
        edit, path = Published.of(case), trajectory(case)
        conditions = edit.conditions(case.model, case.video)
    steps = edit.schedule(case.model)
    with meter.phase(f"{len(steps)} steps"):
        *_, z = edit.edit(case.model, path, conditions)
    error = float((z - case.tensors[f"x_step/{len(steps) - 1:02d}"]).abs().mean())
    if error > 1e-4:
        raise ValueError(f"{name}: the mean error is {error:.1e}; the numbers aren't the original's")
    return meter.rows


def long(frames: int, steps: int, network: str | None) -> dict[str, dict[str, float]]:
    """An edit of a random clip."""
    cuda = torch.cuda.is_available()
    meter, side = Meter(), 64 if cuda else 32
    edit = replace(LARGE, num_inference_steps=50 if cuda else steps)
    with meter.phase("load"):
        kind = (torch.float16, "cuda") if cuda else (torch.bfloat16, "cpu")
        model = load(network) if network else sd21_shaped(*kind)
        text = model.embed(edit.source)
    clean = torch.randn(frames, 4, side, side, generator=torch.Generator().manual_seed(0))
    inverted = edit.invert(Source(model, text, clean, edit.frames_per_batch), meter.progress)
    with meter.phase("edit"):
        for _ in edit.edit(model, inverted):
            pass
    return meter.rows


if __name__ == "__main__":
    sys.exit(main())
