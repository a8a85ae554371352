# ruff: noqa: T201
"""Trains the classifier that reads object, colour, background and style, on rendered frames."""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from rescene.world.classifier import VOCABULARY, WEIGHTS, Classifier

IGNORED = -100


def main() -> None:
    """Trains, measures on held-out frames and writes the weights."""
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    model = Classifier().to(memory_format=torch.channels_last)
    if arguments.start:
        model.load_state_dict({name: value.float() for name, value in load_file(arguments.start).items()})
    train(model, arguments)
    model.eval()
    print(json.dumps(accuracy(model, *load(arguments.held_out))), flush=True)
    weights = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    save_file(weights, arguments.out)
    arguments.out.chmod(0o644)


def load(folder: Path) -> tuple[np.ndarray, dict[str, Tensor]]:
    """Images and, for each kind of word, its number; a colour that is not named is ignored."""
    scenes = json.loads((folder / "scenes.json").read_text())
    labels = {
        kind: torch.tensor([words.index(s[kind]) if s[kind] in words else IGNORED for s in scenes])
        for kind, words in VOCABULARY.items()
    }
    return np.load(folder / "images.npy", mmap_mode="r"), labels


def train(model: Classifier, arguments: argparse.Namespace) -> None:
    """Cross-entropy over the four readings; mirrored and slightly noisy pictures."""
    images, labels = load(arguments.data)
    optimiser = torch.optim.AdamW(model.parameters(), lr=arguments.rate, weight_decay=0.02)
    draw = np.random.default_rng(arguments.seed)
    for step in range(arguments.steps):
        for group in optimiser.param_groups:
            falling = 0.5 + 0.5 * np.cos(np.pi * step / arguments.steps)
            group["lr"] = arguments.rate * min(1, (step + 1) / 100) * falling
        rows = np.sort(draw.integers(0, len(images), 64))
        frames = pictures(images[rows], mirror=draw.random() < 0.5)
        frames = (frames + draw.uniform(0, 0.03) * torch.randn_like(frames)).clamp(0, 1)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(frames)
        losses = [
            functional.cross_entropy(logits[kind].float(), labels[kind][rows], label_smoothing=0.02)
            for kind in VOCABULARY
        ]
        loss = torch.stack(losses).sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if step % 100 == 0:
            print(f"{step} loss {loss.item():.3f}", flush=True)


@torch.no_grad()
def accuracy(model: Classifier, images: np.ndarray, labels: dict[str, Tensor]) -> dict[str, float]:
    """The share of right readings of each kind."""
    parts = [model(pictures(images[k : k + 100], mirror=False)) for k in range(0, len(images), 100)]
    result = {}
    for kind, label in labels.items():
        right = torch.cat([part[kind] for part in parts]).argmax(-1) == label
        result[kind] = right[label != IGNORED].float().mean().item()
    return result


def pictures(batch: np.ndarray, *, mirror: bool) -> Tensor:
    """Bytes as frames in [0, 1], reduced to what the network sees."""
    frames = torch.from_numpy(batch.copy()).permute(0, 3, 1, 2).float() / 255
    small = functional.avg_pool2d(frames, 2)
    return small.flip(-1) if mirror else small


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder written by render.py")
    parser.add_argument("held_out", type=Path, help="the same, of held-out seeds")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--start", type=Path, help="weights to continue from")
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
