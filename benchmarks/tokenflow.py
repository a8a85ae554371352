"""What TokenFlow costs: `python -m benchmarks.tokenflow [--reference FOLDER] [--frames 8 40 160]`.

First the recorded cases `m_pnp_512` and `m_pnp_320_b1` (8 frames, a tiny model, one thread) from their
recorded inversions, with the original's quirks, so that the numbers compare too. Then longer clips of 256 px
with a network of Stable Diffusion 2.1's shape and random weights, bfloat16 (on a GPU: 512 px, 50 steps,
float16), or with the model that `--network` names. Every measurement runs in a fresh process. Frames are
neither encoded nor decoded: that is done one by one. At the end: what a frame takes, and how memory grows
with the clip, beside what has to be kept of it.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import torch

from benchmarks.phases import Phases, in_fresh_process, table
from benchmarks.shapes import sd21_shaped
from rescene import Inputs, TokenFlow, Video, load
from rescene.methods.tokenflow.edit import TokenFlowEdit
from rescene.methods.tokenflow.source import FrameSource
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
        found: dict[int, dict[str, dict[str, float]]] = {}
        for name in [*(RECORDED if arguments.reference else ()), *arguments.frames]:
            rows = in_fresh_process("-m", "benchmarks.tokenflow", *sys.argv[1:], "--only", str(name))
            print(f"{name} {RECORDED.get(name, 'frames')}\n\n{table(rows)}\n", flush=True)
            if isinstance(name, int):
                found[name] = rows
        print("\n".join(by_length(found)))


def by_length(found: dict[int, dict[str, dict[str, float]]]) -> Iterator[str]:
    """What a frame takes in clips of several lengths, and what longer ones need more, one line each."""
    for frames, rows in found.items():
        times = (f"{name} {rows[name]['cpu_seconds'] / frames:.2f}" for name in ("inverting", "edit"))
        yield f"{frames} frames, CPU seconds a frame: {', '.join(times)}"
    for (fewer, less), (more, rows) in pairwise(found.items()):
        grown = rows["edit"]["peak_mb"] - less["edit"]["peak_mb"]
        kept = rows["edit"]["kept_mb"] - less["edit"]["kept_mb"]
        yield f"{fewer} to {more} frames: the peak grows by {grown:.1f} MB, what is kept by {kept:.1f} MB"


def recorded(reference: Path, name: str) -> dict[str, dict[str, float]]:
    """All steps of a recorded edit.

    Raises:
        ValueError: If the result isn't the recorded one.
    """
    root, meter = reference / "tokenflow", Phases()
    manifest = json.loads((root / "manifest.json").read_text())
    case = Recorded(root, reference / "models", name, manifest["cases"][name], manifest)
    with meter.phase("load"):
        edit, path = Published.of(case), trajectory(case)
        conditions = edit.conditions(Inputs(video=case.video))
    steps = edit.schedule()
    with meter.phase(f"{len(steps)} steps"):
        *_, z = edit.edit(path, conditions)
    error = float((z - case.tensors[f"x_step/{len(steps) - 1:02d}"]).abs().mean())
    if error > 1e-4:
        raise ValueError(f"{name}: the mean error is {error:.1e}; the numbers aren't the original's")
    return meter.rows


def long(frames: int, steps: int, network: str | None) -> dict[str, dict[str, float]]:
    """An edit of a random clip."""
    cuda = torch.cuda.is_available()
    meter, side = Phases(), 64 if cuda else 32
    settings = replace(LARGE, num_inference_steps=50 if cuda else steps)
    with meter.phase("load"):
        kind = (torch.float16, "cuda") if cuda else (torch.bfloat16, "cpu")
        model = load(network) if network else sd21_shaped(*kind)
        edit = settings.on(model)
        text = edit.texts[0]
    shape = frames, model.latent_channels, side, side
    clean = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    inverted = edit.invert(FrameSource(model, text, clean, settings.frames_per_batch), meter.progress)
    with meter.phase("edit"):
        for _ in edit.edit(inverted):
            pass
    meter.rows["edit"]["kept_mb"] = (kept(edit, frames, side) + clean.nbytes) / 1e6
    return meter.rows


def kept(edit: TokenFlowEdit, frames: int, side: int) -> int:
    """Bytes that may grow with the clip: latents and residuals of the source, and correspondences."""
    pixels = side * edit.model.grid.space
    blank = Video.of(torch.zeros(1, 3, pixels, pixels, dtype=torch.uint8).expand(frames, -1, -1, -1), 8)
    cost = edit.cost(Inputs(video=blank))
    return cost.memory["trajectory"] + cost.disk["correspondences"]


if __name__ == "__main__":
    sys.exit(main())
