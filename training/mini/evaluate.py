"""Draws samples for held-out captions: how often the classifier reads the right words, a contact sheet."""
# ruff: noqa: T201

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import torch
from accuracies import accuracies
from diffusers import DDIMScheduler, StableDiffusionPipeline
from torch import Tensor

from rescene.world import Scene
from rescene.world.classifier import Classifier

BATCH = 20


def main() -> None:
    """Prints the accuracies and writes a picture of the first samples."""
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    pipeline = StableDiffusionPipeline.from_pretrained(arguments.model, safety_checker=None)
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    scenes = [Scene.random(seed) for seed in range(arguments.count)]
    frames = torch.cat(
        [samples(pipeline, scenes[k : k + BATCH], arguments) for k in range(0, len(scenes), BATCH)]
    )
    readings = Classifier.load().read(frames.float())
    print(json.dumps(accuracies(scenes, readings)), flush=True)
    if arguments.sheet:
        contact_sheet(scenes, frames, arguments.sheet, arguments.columns)


def samples(pipeline: StableDiffusionPipeline, scenes: list[Scene], arguments: argparse.Namespace) -> Tensor:
    """One picture for each caption, [N, 3, 128, 128] in [0, 1]."""
    result = pipeline(
        [scene.caption for scene in scenes],
        num_inference_steps=arguments.steps,
        guidance_scale=arguments.guidance,
        height=128,
        width=128,
        generator=[torch.Generator().manual_seed(scene.seed) for scene in scenes],
        output_type="pt",
    )
    return result.images


def contact_sheet(scenes: list[Scene], frames: Tensor, file: Path, columns: int) -> None:
    """Pictures in rows, each with its caption below."""
    cells = []
    for scene, frame in zip(scenes, frames, strict=True):
        cell = np.full((150, 132, 3), 255, np.uint8)
        cell[2:130, 2:130] = (frame.permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8)
        for line, text in enumerate((scene.caption.split(", ")[0], scene.style or "")):
            place = (3, 138 + 9 * line)
            cv2.putText(cell, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.27, (0, 0, 0), 1, cv2.LINE_AA)
        cells.append(cell)
    rows = len(cells) // columns
    sheet = np.vstack([np.hstack(cells[row * columns : (row + 1) * columns]) for row in range(rows)])
    cv2.imwrite(str(file), sheet[..., ::-1])


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="folder written by export.py")
    parser.add_argument("--sheet", type=Path, help="picture to write")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--guidance", type=float, default=5.0)
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
