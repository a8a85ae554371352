"""Tries compiled blocks beside plain ones: same gradients? faster? Writes the answer as JSON.

Run beside the autoencoder's training, it also leaves the compiled code in the cache for the training to find.
"""

import argparse
import copy
import json
import os
import time
from pathlib import Path

import parts
import torch
from attention import Watched, compiled
from flow import FIRST, FREE, STILL, objective
from quick import settle
from store import Batch
from tokenizer import entries
from torch import Tensor, nn
from transformers import UMT5EncoderModel

LEAST = 0.97
"""The least cosine between gradients, both computed in half precision, that is taken for the same."""


def main() -> None:
    """One line of JSON: `good` says whether to compile."""
    arguments = parse()
    torch.set_num_threads(2)
    os.nice(5)
    torch.manual_seed(0)
    device = torch.device(arguments.device)
    plain, text = parts.transformer().to(device), parts.text_encoder(entries()).to(device)
    nn.init.normal_(plain.proj_out.weight, std=0.02)
    fast = copy.deepcopy(plain)
    compiled(fast)
    least, took = 1.0, {}
    for kind, count, frames in (
        (STILL, arguments.frames, 1),
        (FREE, arguments.clips, 5),
        (FIRST, arguments.clips, 5),
    ):
        batch = invented(count, frames, device)
        a, took[f"{kind} plain"] = gradients(plain, text, batch, kind)
        b, took[f"{kind} compiled"] = gradients(fast, text, batch, kind)
        cosines = {
            name: torch.cosine_similarity(a[name].flatten(), b[name].flatten(), 0).item() for name in a
        }
        least = min(least, *cosines.values())
    slow, quick = (
        sum(value for name, value in took.items() if name.endswith(end)) for end in ("plain", "compiled")
    )
    answer = {"good": least > LEAST and quick < 0.95 * slow, "least": least, "took": took}
    arguments.out.with_suffix(".tmp").write_text(json.dumps(answer))
    arguments.out.with_suffix(".tmp").rename(arguments.out)


def invented(count: int, frames: int, device: torch.device) -> Batch:
    """Random latents and tokens of the shapes of a training batch."""
    size = frames, parts.LATENT_SIZE, parts.LATENT_SIZE
    ids = torch.randint(3, 100, (count, 32), device=device)
    ids[:, 10], ids[:, 11:] = 1, 0
    return Batch(
        torch.randn(count, parts.CHANNELS, *size, device=device),
        torch.rand(count, 1, *size, device=device),
        ids,
    )


def gradients(
    network: nn.Module, text: UMT5EncoderModel, batch: Batch, kind: str
) -> tuple[dict[str, Tensor], float]:
    """Of the same loss each time, and the seconds that a step takes."""
    begin = 0.0
    for attempt in range(5):
        if attempt == 2:
            settle(batch.ids.device)
            begin = time.monotonic()
        network.zero_grad(set_to_none=True)
        torch.manual_seed(1)
        objective(network, text, batch, kind, Watched(network), 0.0)[0].backward()
    settle(batch.ids.device)
    took = (time.monotonic() - begin) / 3
    lost = [name for name, p in network.named_parameters() if p.grad is None]
    if lost:
        raise RuntimeError(f"no gradients reach {lost}")
    return {name: p.grad.float() for name, p in network.named_parameters() if p.grad is not None}, took


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="file for the answer")
    parser.add_argument("--clips", type=int, default=256)
    parser.add_argument("--frames", type=int, default=768)
    parser.add_argument("--device", default="cuda")
    return parser.parse_args()


if __name__ == "__main__":
    main()
