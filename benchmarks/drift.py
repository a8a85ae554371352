"""Whether edits of long clips drift: `python -m benchmarks.drift OUT --frames 120 --picture drift.png`.

OUT is a folder of `rescene bench` on the rendered world; its mp4 files are read. For every frame, where the
truth differs from the source: PSNR to the truth, and how far the mean colour is from the truth's (CIE Lab).
Drift is how far the line through that difference goes from the first frame to the last, as in the metric
`colour_drift`.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from rescene import Video
from rescene.bench import world_rows
from rescene.typing import Frames

Series = Float[np.ndarray, " F"]
COLOURS = (
    *("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b"),
    *("#e377c2", "#777777", "#17becf", "#bcbd22", "#000000", "#004f4f"),
)
WIDTH, HEIGHT, MARGIN, LINE = 900, 260, 50, 16
SMOOTHED = 8
"""Frames that a point of the picture averages."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """One result from its first frame to its last."""

    psnr: Series
    """To the truth, in dB."""
    colour: Series
    """Distance of the mean colour from the truth's, in ΔE."""
    drift: float
    """Of the mean colour over the clip, in ΔE."""


def main() -> None:
    """Prints a table for each edit of a benchmark, and draws the last one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=120, help="length of the clips")
    parser.add_argument("--picture", type=Path, required=True, help="the PNG file to write")
    arguments = parser.parse_args()
    for row in world_rows(arguments.folder / "clips", arguments.frames):
        results = sorted(arguments.folder.glob(f"results/*/{row.name}.mp4"))
        if not results:
            continue
        truth, changed = row.truth().frames, row.changed()
        found = {path.parent.name: course(Video.read(path).frames, truth, changed) for path in results}
        print(f"{row.name}\n\n{table(found)}\n")
        drawn(found).save(arguments.picture, optimize=True)


def course(result: Frames, truth: Frames, changed: Bool[Tensor, "F 1 H W"]) -> Course:
    """Follows a result, where the truth differs from the source."""
    inside = changed[:, 0].numpy()
    errors = (result - truth).square().mean(1).numpy()
    psnr = [-10 * np.log10(error[mask].mean()) for error, mask in zip(errors, inside, strict=True)]
    off = mean_colours(result, inside) - mean_colours(truth, inside)
    slope = np.polyfit(np.arange(len(off)), off, 1)[0]
    drift = float(np.linalg.norm(slope)) * (len(off) - 1)
    return Course(psnr=np.array(psnr), colour=np.linalg.norm(off, axis=1), drift=drift)


def mean_colours(frames: Frames, inside: Bool[np.ndarray, "F H W"]) -> Float[np.ndarray, "F 3"]:
    """Each frame's mean in CIE Lab."""
    pictures = np.ascontiguousarray(frames.permute(0, 2, 3, 1).numpy())
    labs = [cv2.cvtColor(picture, cv2.COLOR_RGB2Lab) for picture in pictures]
    return np.stack([lab[mask].mean(0) for lab, mask in zip(labs, inside, strict=True)])


def table(found: Mapping[str, Course]) -> str:
    """A Markdown table: thirds of the clip, and the drift."""
    head = "| | PSNR inside, first third | second | last | colour off, first third | second | last | drift |"
    lines = [head, "|---|" + "--:|" * 7]
    for name, each in found.items():
        numbers = [part.mean() for values in (each.psnr, each.colour) for part in np.array_split(values, 3)]
        lines.append(f"| {name} |" + "".join(f" {number:.2f} |" for number in (*numbers, each.drift)))
    return "\n".join(lines)


def drawn(found: Mapping[str, Course]) -> Image.Image:
    """Both numbers over the frames, one colour for each setting."""
    rows = -(-len(found) // 3)
    image = Image.new("RGB", (WIDTH, 2 * HEIGHT + rows * LINE + 10), "white")
    pen = ImageDraw.Draw(image)
    curves = {name: smooth(each.psnr) for name, each in found.items()}
    panel(pen, 0, "PSNR to the truth where it differs from the source, dB", curves)
    curves = {name: smooth(each.colour) for name, each in found.items()}
    panel(pen, HEIGHT, "distance of the mean colour there from the truth's, CIE Lab", curves)
    for number, name in enumerate(found):
        x, y = MARGIN + number % 3 * (WIDTH - MARGIN) // 3, 2 * HEIGHT + number // 3 * LINE
        colour = COLOURS[number % len(COLOURS)]
        pen.line([(x, y + 8), (x + 20, y + 8)], fill=colour, width=3)
        pen.text((x + 26, y), name, fill="black", font=ImageFont.load_default(13))
    return image


def smooth(values: Series) -> Series:
    """A running mean, over fewer frames at the ends."""
    window = np.ones(SMOOTHED)
    return np.convolve(values, window, "same") / np.convolve(np.ones_like(values), window, "same")


def panel(pen: ImageDraw.ImageDraw, top: int, title: str, curves: Mapping[str, Series]) -> None:
    """One diagram: a frame number across, the value upwards."""
    font, bottom = ImageFont.load_default(12), top + HEIGHT - 30
    low = np.floor(min(values.min() for values in curves.values()))
    high = np.ceil(max(values.max() for values in curves.values()))
    count = max(len(values) for values in curves.values())

    def place(frame: float, value: float) -> tuple[float, float]:
        across = MARGIN + frame / max(count - 1, 1) * (WIDTH - MARGIN - 20)
        return across, bottom - (value - low) / (high - low) * (HEIGHT - 60)

    pen.text((MARGIN, top + 6), title, fill="black", font=font)
    for value in np.linspace(low, high, 5):
        pen.line([place(0, value), place(count - 1, value)], fill="#dddddd")
        pen.text((6, place(0, value)[1] - 7), f"{value:.1f}", fill="black", font=font)
    for frame in range(0, count, max(1, count // 6)):
        pen.text((place(frame, low)[0] - 6, bottom + 6), str(frame), fill="black", font=font)
    for number, values in enumerate(curves.values()):
        points = [place(frame, value) for frame, value in enumerate(values)]
        pen.line(points, fill=COLOURS[number % len(COLOURS)], width=2)


if __name__ == "__main__":
    main()
