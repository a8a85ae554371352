"""What I2VEdit costs: `python -m benchmarks.i2vedit [--reference FOLDER] [--large]`.

With `--reference` the recorded case `am128`: two clips of 6 frames of 192x128 px, two edits, 5 steps, a tiny
model. The original edits it with a peak of 810 MB (407 MB of them the interpreter and its libraries), leaves
57.7 MB on the disk, and takes 38 s on another, busy machine. With `--large` a network of Stable Video
Diffusion's shape with random weights: 14 frames of 448x256 px, 2 steps, bfloat16; on a GPU 896x512 px, 25
steps, float16.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import torch

from benchmarks.phases import Phases, in_fresh_process, table
from benchmarks.video_shapes import svd_shaped
from rescene import Fit, I2VEdit, Inputs, MotionTuning, Run, Video, load

RECORDED = I2VEdit(num_inference_steps=5, clip_length=6, skip_interval=False)


def main() -> None:
    """Runs what was asked for, or with `--only` one measurement in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", type=Path, help="folder with i2vedit/ and models/tiny-svd")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--only", choices=("recorded", "large"))
    arguments = parser.parse_args()
    if arguments.only:
        with tempfile.TemporaryDirectory(prefix="rescene-benchmark-") as cache:
            os.environ["RESCENE_CACHE"] = cache
            rows = recorded(arguments.reference) if arguments.only == "recorded" else large()
            kept = sum(file.stat().st_size for file in Path(cache).iterdir())
        print(f"{arguments.only} leaves {kept / 1e6:.2f} MB in the cache", file=sys.stderr)
        print(json.dumps(rows))
        return
    wanted = [*["recorded"][: bool(arguments.reference)], *["large"][: arguments.large]]
    for case in wanted or parser.error("give --reference, --large, or both"):
        rows = in_fresh_process("-m", "benchmarks.i2vedit", *sys.argv[1:], "--only", case)
        print(f"{case}\n\n{table(rows)}\n", flush=True)


def recorded(reference: Path) -> dict[str, dict[str, float]]:
    """The recorded case, from files to decoded frames."""
    meter, folder = Phases(), reference / "i2vedit"
    with meter.phase("load"):
        model = load(reference / "models" / "tiny-svd", device="cpu")
        video = Video.read(folder / "source.mp4")
        fit = Fit.to(video, area=model.native_area, grid=model.grid, size=(128, 192))
        names = ("edit_green.png", "edit_blue_dark.png")
        pictures = [Video.read(folder / name).frames for name in names]
        edits = [Inputs(video=video, key_frames={0: picture}).fitted(fit) for picture in pictures]
    with meter.phase("two inversions and four edits"):
        results = [RECORDED(model, edit) for edit in edits]  # The second finds the inversions in the cache.
    with meter.phase("decode"):
        for result in results:
            for _ in result.chunks(6):
                pass
    return meter.rows


def large() -> dict[str, dict[str, float]]:
    """An edit, and steps of a motion LoRA, with a network of full size and random weights."""
    cuda = torch.cuda.is_available()
    meter, (height, width) = Phases(), (512, 896) if cuda else (256, 448)
    with meter.phase("load"):
        model = svd_shaped(torch.float16 if cuda else torch.bfloat16, "cuda" if cuda else "cpu")
    video = Video.of(torch.rand(14, 3, height, width, generator=torch.Generator().manual_seed(0)), 7)
    inputs = Inputs(video=video, key_frames={0: video.frames[:1]})
    result = I2VEdit(num_inference_steps=25 if cuda else 2)(model, inputs, Run(progress=meter.progress))
    with meter.phase("decode"):
        for _ in result.chunks(8):
            pass
    MotionTuning(steps=5 if cuda else 1)(model, video, progress=meter.progress)
    return meter.rows


if __name__ == "__main__":
    sys.exit(main())
