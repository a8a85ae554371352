"""Measures whether clips follow the edges that a ControlNet is shown, on held-out scenes; draws some.

The score is the F-score of edge pixels, where two pixels off still count: of the clips that the ControlNet
steers, of those from the same prompts that it doesn't (`free`), and of what the autoencoder alone leaves of
the source's edges (`autoencoder`), about the most that can be reached.
"""
# ruff: noqa: T201

import argparse
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rescene import Backbone, Canny, Text2VideoZeroRedraw, Video, load
from rescene.world import Scene

TOLERANCE = 2
STEERED, FREE = (1.0,), (0.0,)


def main() -> None:
    """Prints the scores and writes a picture of the first scenes."""
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    model, scores, rows = load(arguments.model, device="cpu"), [], []
    for seed in range(arguments.count):
        shown = clips(model, Scene.random(seed), arguments)
        edges = {name: Canny()(video).frames for name, video in shown.items()}
        scores.append({name: agreement(found, edges["source"]) for name, found in edges.items()})
        pictures = [shown["source"].frames, edges["source"], shown["steered"].frames, edges["steered"]]
        rows.append(torch.cat([frames[-1] for frames in (*pictures, shown["free"].frames)], dim=-1))
    names = ("steered", "free", "autoencoder")
    print(json.dumps({name: round(float(np.mean([each[name] for each in scores])), 3) for name in names}))
    if arguments.sheet:
        sheet = torch.cat(rows[:10], dim=-2).permute(1, 2, 0).numpy()[..., ::-1]
        cv2.imwrite(str(arguments.sheet), (sheet * 255).round().astype(np.uint8))


@torch.no_grad()
def clips(model: Backbone, scene: Scene, arguments: argparse.Namespace) -> dict[str, Video]:
    """The scene, and what is made of it: with its caption and edges, with its caption alone, with neither."""
    source = Video.of(scene.render(arguments.frames, 128).frames, 8)
    edit = Text2VideoZeroRedraw(
        prompt=scene.caption,
        controlnets=(str(arguments.controlnet),),
        num_inference_steps=arguments.steps,
        guidance_scale=arguments.guidance,
        seed=scene.seed,
    )
    made = {
        name: replace(edit, control_weights=weights)(model, source)
        for name, weights in (("steered", STEERED), ("free", FREE))
    }
    return {"source": source, **made, "autoencoder": model.decode(model.encode(source), like=source)}


def agreement(found: Tensor, wanted: Tensor) -> float:
    """The F-score of edges [F, 3, H, W], 0 or 1, where pixels that lie close to each other agree."""
    found, wanted = found[:, :1], wanted[:, :1]
    if not found.any() or not wanted.any():
        return 0.0
    near_found, near_wanted = (
        F.max_pool2d(edges, 2 * TOLERANCE + 1, stride=1, padding=TOLERANCE) for edges in (found, wanted)
    )
    precision, recall = near_wanted[found > 0].mean(), near_found[wanted > 0].mean()
    return (2 * precision * recall / (precision + recall).clamp_min(1e-6)).item()


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="folder written by export.py")
    parser.add_argument("controlnet", type=Path, help="folder written by controlnet.py")
    parser.add_argument(
        "--sheet", type=Path, help="picture to write: source, edges, steered, its edges, free"
    )
    parser.add_argument("--count", type=int, default=20, help="scenes")
    parser.add_argument("--frames", type=int, default=2, help="of each clip")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
