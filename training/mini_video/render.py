"""Renders clips of random scenes, without end, in many processes: files of 16, written whole or not at all.

Each clip is a row of bytes: 17 frames of 128 x 128 x 3, then the object's mask as bits. A file's name tells
the seed of its first clip, from which words and motion follow. Seeds below 1,000,000 are held out; a few of
those come first.
"""

import argparse
import os
import shutil
import time
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch

from rescene.world import Scene

FRAMES, SIZE, CLIPS = 17, 128, 16
PIXELS, BITS = FRAMES * SIZE * SIZE * 3, FRAMES * SIZE * SIZE // 8
SPARED = 4_000_000_000
"""Bytes of the disk that stay free."""
FIRST_TRAINING_SEED = 1_000_000


def main() -> None:
    """Ends when `--count` clips are there, or with the process that started it."""
    arguments = parse()
    arguments.out.mkdir(parents=True, exist_ok=True)
    context = get_context("fork")
    workers = [
        context.Process(target=work, args=(k, os.getpid(), arguments)) for k in range(arguments.processes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def work(rank: int, parent: int, arguments: argparse.Namespace) -> None:
    """Every `processes`-th file; those that exist already are done."""
    os.nice(10)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    held = range(0, arguments.held, CLIPS)
    training = range(FIRST_TRAINING_SEED, FIRST_TRAINING_SEED + arguments.count, CLIPS)
    for number, first in enumerate([*held, *training]):
        if number % arguments.processes != rank:
            continue
        if os.getppid() != parent:
            return
        while shutil.disk_usage(arguments.out).free < SPARED:
            time.sleep(1)
        file = arguments.out / f"{first:08d}.npy"
        if not file.exists():
            rows = np.stack([rendered(seed) for seed in range(first, first + CLIPS)])
            with file.with_suffix(".tmp").open("wb") as target:
                np.save(target, rows)
            file.with_suffix(".tmp").rename(file)


def rendered(seed: int) -> np.ndarray:
    """The clip of a seed as bytes."""
    scene = Scene.random(seed)
    images, masks = zip(*(scene.render_at(k / (FRAMES - 1), SIZE) for k in range(FRAMES)), strict=True)
    frames = (torch.stack(images).permute(0, 2, 3, 1).numpy() * 255 + 0.5).astype(np.uint8)
    bits = np.packbits(torch.stack(masks).numpy() > 0.5, axis=-1)
    return np.concatenate([frames.reshape(-1), bits.reshape(-1)])


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--count", type=int, default=1_000_000, help="training clips")
    parser.add_argument("--held", type=int, default=48, help="held-out clips, rendered first")
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
