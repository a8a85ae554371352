"""Renders single frames of random scenes for training: images.npy, masks.npy, scenes.json.

Seeds from 1,000,000 on are for training; smaller ones are held out (tests, benchmark, evaluation).
"""

import argparse
import json
from multiprocessing import Pool
from pathlib import Path

import cv2
import numpy as np
import torch

from rescene.world import Scene

FIRST_TRAINING_SEED = 1_000_000


def main() -> None:
    """Renders in parallel and writes three files that belong together, row by row."""
    arguments = parse()
    arguments.out.mkdir(parents=True, exist_ok=True)
    count, seeds = arguments.count, range(arguments.first_seed, arguments.first_seed + arguments.count)
    images = np.empty((count, 128, 128, 3), np.uint8)
    masks = np.empty((count, 128, 16), np.uint8)
    scenes = []
    with Pool(arguments.processes, initializer=one_thread) as pool:
        for row, (image, mask, words) in enumerate(pool.imap(render, seeds, chunksize=64)):
            images[row], masks[row] = image, mask
            scenes.append(words)
    np.save(arguments.out / "images.npy", images)
    np.save(arguments.out / "masks.npy", masks)
    (arguments.out / "scenes.json").write_text(json.dumps(scenes))


def render(seed: int) -> tuple[np.ndarray, np.ndarray, dict[str, str | None]]:
    """One frame of the scene as bytes [128, 128, 3], its mask as bits [128, 16], its words."""
    scene = Scene.random(seed)
    time = float(np.random.default_rng((seed, 99)).random())
    image, mask = scene.render_at(time)
    pixels = (image.permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8)
    words = {name: getattr(scene, name) for name in ("object", "colour", "background", "style")}
    return pixels, np.packbits(mask[0].numpy() > 0.5, axis=-1), words


def one_thread() -> None:
    """Keeps the processes from competing for cores."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--count", type=int, default=60_000)
    parser.add_argument("--first-seed", type=int, default=FIRST_TRAINING_SEED)
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
