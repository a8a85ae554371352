# ruff: noqa: T201
"""Trains the scorer that compares pictures with captions, on rendered frames, from the classifier's body."""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from captions import Captions, Words, plain
from classifier import pictures
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional
from transformers import CLIPTokenizer

from rescene.mini import FOLDER
from rescene.world.classifier import VOCABULARY, Classifier
from rescene.world.scorer import WEIGHTS, DualEncoder, numbers

BATCH, WRONG = 96, 6


def main() -> None:
    """Trains, measures on held-out frames and writes the weights."""
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    model = DualEncoder()
    model.body.load_state_dict(Classifier.load().body.state_dict())
    train(model.to(memory_format=torch.channels_last), arguments)
    print(json.dumps(accuracy(model.eval(), arguments.held_out)), flush=True)
    weights = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    save_file(weights, arguments.out)
    arguments.out.chmod(0o644)


def train(model: DualEncoder, arguments: argparse.Namespace) -> None:
    """Each picture picks its caption among the batch's and its own with one word changed, and the reverse."""
    images = np.load(arguments.data / "images.npy", mmap_mode="r")
    scenes = json.loads((arguments.data / "scenes.json").read_text())
    captions = Captions(CLIPTokenizer.from_pretrained(FOLDER / "tokenizer"), arguments.seed, dropped=0.0)
    body = {id(p) for p in model.body.parameters()}
    others = [p for p in model.parameters() if id(p) not in body]
    groups = [
        {"params": list(model.body.parameters()), "scale": 0.2},
        {"params": others, "scale": 1.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=arguments.rate, weight_decay=0.02)
    draw = np.random.default_rng(arguments.seed)
    began = time.monotonic()
    # The length is a time, so the rate falls with the clock.
    for step in range(10**9):
        if (done := (time.monotonic() - began) / (60 * arguments.minutes)) >= 1:
            break
        for group in optimiser.param_groups:
            falling = 0.5 + 0.5 * np.cos(np.pi * done)
            group["lr"] = arguments.rate * group["scale"] * min(1, (step + 1) / 50) * falling
        rows = np.sort(draw.integers(0, len(images), BATCH))
        frames = pictures(images[rows], mirror=draw.random() < 0.5)
        frames = (frames + draw.uniform(0, 0.03) * torch.randn_like(frames)).clamp(0, 1)
        loss = contrast(model, frames, [scenes[row] for row in rows], captions, draw)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if step % 50 == 0:
            print(f"{step} {done:.0%} loss {loss.item():.3f}", flush=True)


def contrast(
    model: DualEncoder, frames: Tensor, scenes: list[Words], captions: Captions, draw: np.random.Generator
) -> Tensor:
    """Cross-entropy both ways (Radford et al., 2021), with captions that are wrong in one word."""
    wrong = [captions.phrase(altered(words, draw)) for words in scenes for _ in range(WRONG)]
    texts = model.text(*numbers([*(captions.phrase(words) for words in scenes), *wrong]))
    right, wrong_texts = texts[: len(scenes)], texts[len(scenes) :].view(len(scenes), WRONG, -1)
    with torch.autocast("cpu", torch.bfloat16):
        seen = model.image(frames)
    scale = model.log_scale.exp().clamp(max=50)
    every, own = scale * seen @ right.T, scale * torch.einsum("nd,nwd->nw", seen, wrong_texts)
    numbered = torch.arange(len(scenes))
    forward = functional.cross_entropy(torch.cat([every, own], dim=1), numbered)
    return (forward + functional.cross_entropy(every.T, numbered)) / 2


def altered(words: Words, draw: np.random.Generator) -> Words:
    """The same scene with another word; a colour that isn't named stays so, since the thing may have any."""
    kinds = [kind for kind in VOCABULARY if words[kind] in VOCABULARY[kind]]
    kind = kinds[draw.integers(len(kinds))]
    others = [word for word in VOCABULARY[kind] if word != words[kind]]
    return words | {kind: others[draw.integers(len(others))]}


@torch.no_grad()
def accuracy(model: DualEncoder, folder: Path) -> dict[str, float]:
    """How often, among captions that differ in one kind of word, the right one is the nearest."""
    images = np.load(folder / "images.npy", mmap_mode="r")
    scenes = json.loads((folder / "scenes.json").read_text())
    seen = torch.cat(
        [model.image(pictures(images[k : k + 100], mirror=False)) for k in range(0, len(images), 100)]
    )
    result = {}
    for kind, choices in VOCABULARY.items():
        hits = []
        for feature, words in zip(seen, scenes, strict=True):
            if words[kind] in choices:
                texts = model.text(*numbers([caption(words | {kind: word}) for word in choices]))
                hits.append(choices[int((texts @ feature).argmax())] == words[kind])
        result[kind] = float(np.mean(hits))
    return result


def caption(words: Words) -> str:
    """The caption with the style."""
    return plain(words) + (f", {words['style']}" if words["style"] else "")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder written by render.py")
    parser.add_argument("held_out", type=Path, help="the same, of held-out seeds")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--minutes", type=float, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
