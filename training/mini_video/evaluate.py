"""Samples clips of held-out captions and reads them with the world's classifier; draws a contact sheet."""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import parts
import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from store import statistics
from tokenizer import tokenizer
from torch import Tensor
from transformers import UMT5EncoderModel

from rescene.world import Scene
from rescene.world.classifier import Classifier, Reading

STEPS, GUIDANCE, BATCH = 25, 5.0, 50


def levels(steps: int) -> list[float]:
    """Wan's: u from 1 in even steps to just above 1/1000, shifted; then 0."""
    even = [1 + k / steps * (1 / 1000 - 1) for k in range(steps)]
    return [parts.SHIFT * u / (1 + (parts.SHIFT - 1) * u) for u in even] + [0.0]


@torch.no_grad()
def sampled(
    network: WanTransformer3DModel,
    text: UMT5EncoderModel,
    scenes: list[Scene],
    *,
    steps: int = STEPS,
    guidance: float = GUIDANCE,
    first: Tensor | None = None,
) -> Tensor:
    """Latents [B, C, 5, 16, 16] of the scenes' captions, by Euler's method; noise of each scene's seed.

    Args:
        network: The transformer.
        text: The text encoder.
        scenes: They name captions and seeds.
        steps: How many.
        guidance: Between the empty caption (0) and the scene's (1), and beyond.
        first: Given first latent frames, [B, C, 1, 16, 16].
    """
    tokens = tokenizer()
    captions = [scene.caption for scene in scenes] + [""] * len(scenes)
    ids = tokens(captions, padding="max_length", return_tensors="pt").input_ids.to(network.device)
    hidden = parts.embedded(text, ids)
    size = parts.CHANNELS, parts.LATENT_FRAMES, parts.LATENT_SIZE, parts.LATENT_SIZE
    z = torch.stack([torch.randn(size, generator=torch.Generator().manual_seed(s.seed)) for s in scenes])
    z, plan = z.to(network.device), levels(steps)
    free = torch.ones_like(z[:1, :1])
    if first is not None:
        free[:, :, 0] = 0
    for now, then in pairwise(plan):
        given = z if first is None else torch.cat([first, z[:, :, 1:]], dim=2)
        times = 1000 * now * free[:, 0, :, ::2, ::2].flatten(1)
        times = times.expand(2 * len(z), -1) if first is not None else times[0, :1].expand(2 * len(z))
        velocity = network(given.repeat(2, 1, 1, 1, 1), times, hidden, return_dict=False)[0].float()
        wanted, plain = velocity.chunk(2)
        z = z + (then - now) * (plain + guidance * (wanted - plain))
    return z if first is None else torch.cat([first, z[:, :, 1:]], dim=2)


@torch.no_grad()
def seen(vae: AutoencoderKLWan, z: Tensor, batch: int = 16) -> Tensor:
    """Frames [B, 3, T, H, W] in [0, 1] of normalised latents."""
    mean, std = statistics(vae)
    return torch.cat([vae.decode(piece * std + mean).sample / 2 + 0.5 for piece in z.split(batch)])


def in_batches(networks: tuple[WanTransformer3DModel, UMT5EncoderModel], scenes: list[Scene]) -> Tensor:
    """Latents of many scenes."""
    return torch.cat([sampled(*networks, scenes[k : k + BATCH]) for k in range(0, len(scenes), BATCH)])


def read(frames: Tensor, moment: int) -> list[Reading]:
    """What the classifier sees in one frame of each clip."""
    return Classifier.load().read(frames[:, :, moment].float().cpu())


def sheet(rows: list[tuple[str, Tensor]], file: Path, step: int = 2) -> None:
    """Writes a picture: every second frame of each clip [3, T, H, W] in a row, its caption above."""
    lines = []
    for caption, frames in rows:
        chosen = frames[:, ::step].float().clamp(0, 1).mul(255).add(0.5).to(torch.uint8).permute(1, 2, 3, 0)
        row = np.hstack(
            [np.pad(frame, ((0, 2), (0, 2), (0, 0)), constant_values=255) for frame in chosen.cpu().numpy()]
        )
        band = np.full((14, row.shape[1], 3), 255, np.uint8)
        cv2.putText(band, caption, (2, 11), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (0, 0, 0), 1, cv2.LINE_AA)
        lines += [band, row]
    cv2.imwrite(str(file), np.vstack(lines)[..., ::-1])
