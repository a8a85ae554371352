"""Trains the autoencoder: stills first, then pieces of clips and whole ones."""

import math
from dataclasses import dataclass

import parts
import torch
from checkpoint import Run
from clips import Clips, Cutter, pixels, unpacked
from clock import Clock, Every, Log
from diffusers import AutoencoderKLWan
from quick import decoded, encoded, way
from torch import Tensor, nn
from torch.nn import functional

from rescene.world.classifier import Classifier

OBJECT_WEIGHT = 3.0
RATE = 2e-3
NORMAL = 2e-4
"""Weight of the divergence from a normal distribution, which keeps latents smooth."""
FEATURES = 0.05
"""Weight of what the world's classifier sees differently."""
STILLS = 0.3
"""Share of the time for single frames only."""


@dataclass(frozen=True)
class Kind:
    """A kind of batch: clips of `length` frames of `size` pixels; `count` of them on a GPU."""

    count: int
    length: int
    size: int


FIRST = (Kind(384, 1, 64), Kind(96, 1, 128))
CROPS, WHOLE = Kind(96, 9, 64), Kind(16, 17, 128)
THEN = (CROPS, WHOLE, Kind(96, 5, 64), CROPS, Kind(96, 1, 128), WHOLE)


def trained(
    clips: Clips, faster: str, until: float, scale: float, clock: Clock, log: Log
) -> AutoencoderKLWan:
    """Trains until this second of the clock; the running average of the weights."""
    vae = parts.inflated(parts.autoencoder()).to(clips.device)
    cutter, run = Cutter(clips, seed=1), Run({"vae": vae}, rate=RATE)
    seen = Classifier.load().to(clips.device)
    begin, told = clock.now, Every(10)
    with way(vae, faster):
        while (done := (clock.now - begin) / max(until - begin, 1)) < 1 and clock.left > 0:
            kinds = FIRST if done < STILLS else THEN
            kind = kinds[run.step % len(kinds)]
            frames, masks = cutter(scaled(kind.count, scale), kind.length, kind.size)
            loss, error = objective(vae, frames, masks, seen if kind.size == parts.SIZE else None)
            run.gradients(loss)
            warm = min(1, (run.step + 1) / 100)
            run.update(run.rate * warm * (0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * done))))
            if told:
                entries = {"loss": loss.item(), "psnr": decibel(error).item(), "frames": kind.length}
                log(stage="autoencoder", step=run.step, clips=clips.count, size=kind.size, **entries)
    run.use_average()
    for module in vae.modules():
        if isinstance(module, nn.Conv3d):
            module.weight.data = module.weight.data.contiguous()
    log(stage="autoencoder", step=run.step, end=True)
    return vae.eval().requires_grad_(False)


def scaled(count: int, scale: float) -> int:
    """A batch's size on a smaller machine."""
    return max(2, round(count * scale))


def objective(
    vae: AutoencoderKLWan, frames: Tensor, masks: Tensor, seen: Classifier | None
) -> tuple[Tensor, Tensor]:
    """The loss, and the mean squared error in units of the full range.

    Absolute and squared error of values, absolute of their differences in space and time; the object counts
    fourfold.
    """
    with torch.autocast(frames.device.type, torch.bfloat16):
        mean, spread = encoded(vae, frames).chunk(2, dim=1)
        spread = spread.float().clamp(-30, 20)
        z = mean.float() + (0.5 * spread).exp() * torch.randn_like(spread)
        result = decoded(vae, z)
    error, weight = result.float() - frames, 1 + OBJECT_WEIGHT * masks
    loss = (weight * (error.abs() + 4 * error.square())).mean()
    loss = loss + 0.7 * (weight[..., 1:, :] * error.diff(dim=-2).abs()).mean()
    loss = loss + 0.7 * (weight[..., 1:] * error.diff(dim=-1).abs()).mean()
    if frames.shape[2] > 1:
        loss = loss + 0.5 * (weight[:, :, 1:] * error.diff(dim=2).abs()).mean()
    near = 0.5 * (mean.float().square() + spread.exp() - 1 - spread).mean()
    loss = loss + NORMAL * near
    if seen is not None:
        loss = loss + FEATURES * unlike(seen, frames, result)
    return loss, error.detach().square().mean() / 4


def unlike(seen: Classifier, frames: Tensor, result: Tensor) -> Tensor:
    """How differently the classifier's convolutions see up to three frames of each clip."""
    step = max(1, frames.shape[2] // 2)
    with torch.autocast(frames.device.type, torch.bfloat16):
        views = [
            seen.body(
                functional.interpolate(
                    x[:, :, ::step].transpose(1, 2).flatten(0, 1).float(), size=(64, 64), mode="area"
                )
            )
            for x in (frames, result)
        ]
    return (views[0].float() - views[1].float()).abs().mean()


def decibel(error: Tensor) -> Tensor:
    """Peak signal to noise ratio of a mean squared error in units of the full range."""
    return -10 * error.clamp(min=1e-10).log10()


@torch.no_grad()
def measured(
    vae: AutoencoderKLWan, frames: Tensor, bits: Tensor, batch: int = 8
) -> tuple[dict[str, float], Tensor]:
    """Of clips, by the stock classes in full precision: the errors, and what they became, in [0, 1]."""
    errors, inside, flicker, results = [], [], [], []
    for piece, packed in zip(frames.split(batch), bits.split(batch), strict=True):
        truth, masks = pixels(piece), unpacked(packed)
        result = vae.decode(vae.encode(truth).latent_dist.mode()).sample
        error = (result - truth).square().mean(1, keepdim=True) / 4
        errors.append(error.mean((1, 2, 3, 4)))
        inside.append((error * masks).sum((1, 2, 3, 4)) / masks.sum((1, 2, 3, 4)).clamp(min=1))
        outside = 1 - masks[:, :, 1:]
        change = (result - truth).diff(dim=2).abs().mean(1, keepdim=True) / 2
        flicker.append((change * outside).sum((1, 2, 3, 4)) / outside.sum((1, 2, 3, 4)))
        results.append((result / 2 + 0.5).half())
    figures = {
        "psnr": decibel(torch.cat(errors).mean()).item(),
        "psnr_inside": decibel(torch.cat(inside).mean()).item(),
        "psnr_mean_of_clips": decibel(torch.cat(errors)).mean().item(),
        "flicker_outside": torch.cat(flicker).mean().item(),
    }
    return figures, torch.cat(results)


@torch.no_grad()
def with_statistics(vae: AutoencoderKLWan, frames: Tensor, batch: int = 32) -> AutoencoderKLWan:
    """The same autoencoder, which knows the mean and the spread of each channel of its latents."""
    z = torch.cat([vae.encode(pixels(piece)).latent_dist.mode() for piece in frames.split(batch)])
    mean, std = z.mean((0, 2, 3, 4)), z.std((0, 2, 3, 4))
    rounded = [[round(value, 4) for value in values.tolist()] for values in (mean, std)]
    vae.register_to_config(latents_mean=rounded[0], latents_std=rounded[1])
    return vae
