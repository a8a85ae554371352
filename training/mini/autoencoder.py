# ruff: noqa: T201
"""Trains the autoencoder: diffusers' AutoencoderTiny, factor 8, 16 latent channels, on rendered frames.

Most batches are crops of 64 pixels around the object, where the detail is; every third is of whole frames.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import Tensor, nn

CROP = 64


def main() -> None:
    """Trains for a number of minutes with a cosine learning rate and saves the averaged weights."""
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    model = AutoencoderTiny.from_pretrained(arguments.start) if arguments.start else fresh()
    model = model.to(arguments.device, memory_format=torch.channels_last)
    if arguments.decoder_only:
        model.encoder.requires_grad_(False)
    frames = Frames(arguments.data, seed=arguments.seed)
    average = train(model, frames, arguments)
    model.load_state_dict(average)
    scores = measure(model, Frames(arguments.held_out, seed=0), arguments.measured)
    print(json.dumps(scores), flush=True)
    model.save_pretrained(arguments.out)


def fresh() -> AutoencoderTiny:
    """A new network, with the initialisation that this network without norms needs to learn at all."""
    width = (48,) * 4
    model = AutoencoderTiny(
        encoder_block_out_channels=width,
        decoder_block_out_channels=width,
        num_encoder_blocks=(1, 2, 3, 3),
        num_decoder_blocks=(3, 3, 2, 1),
        latent_channels=16,
    )
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if name.endswith("conv.4"):
                module.weight.data.mul_(0.3)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return model


class Frames:
    """Batches of rendered frames in [-1, 1] with the object's mask."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.images = np.load(folder / "images.npy")
        self.masks = np.load(folder / "masks.npy")
        self.draw = np.random.default_rng(seed)

    def __getitem__(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        return self.images[row], np.unpackbits(self.masks[row], axis=-1)[..., None]

    def whole(self, rows: list[int]) -> tuple[Tensor, Tensor]:
        """The frames of these rows."""
        return stacked([self[row] for row in rows])

    def crops(self, rows: list[int]) -> tuple[Tensor, Tensor]:
        """A crop of each, around a random point of the object."""
        return stacked([self.crop(*self[row]) for row in rows])

    def crop(self, image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The point is random, so that the borders of the crops fall anywhere."""
        inside = np.argwhere(mask[..., 0])
        y, x = inside[self.draw.integers(len(inside))] - CROP // 2
        y, x = (int(np.clip(value // 8 * 8, 0, len(image) - CROP)) for value in (y, x))
        return image[y : y + CROP, x : x + CROP], mask[y : y + CROP, x : x + CROP]

    def random_rows(self, count: int) -> list[int]:
        """Rows in the order of the file, which reads faster."""
        return np.sort(self.draw.integers(0, len(self.images), count)).tolist()


def train(model: AutoencoderTiny, frames: Frames, arguments: argparse.Namespace) -> dict[str, Tensor]:
    """Returns the exponential average of the weights."""
    weights = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=arguments.rate, betas=(0.9, 0.95), weight_decay=0)
    average = {name: value.clone() for name, value in model.state_dict().items()}
    begin, step, done, losses = time.monotonic(), 0, 0.0, []
    while done < 1:
        done = min(1, (time.monotonic() - begin) / (60 * arguments.minutes))
        for group in optimiser.param_groups:
            group["lr"] = arguments.rate * min(1, (step + 1) / 50) * (0.5 + 0.5 * np.cos(np.pi * done)) + 1e-6
        whole = step % 3 == 2
        rows = frames.random_rows(arguments.batch if whole else 4 * arguments.batch)
        loss = objective(model, *(frames.whole(rows) if whole else frames.crops(rows)))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        step += 1
        for name, value in model.state_dict().items():
            average[name].lerp_(value, max(0.003, 1 / step))
        losses.append(loss.item())
        if step % 50 == 0:
            print(f"{step} {time.monotonic() - begin:.0f} s, loss {np.mean(losses[-50:]):.4f}", flush=True)
        if step % 600 == 0:
            checkpoint = AutoencoderTiny.from_config(model.config).to(model.device)
            checkpoint.load_state_dict(average)
            checkpoint.save_pretrained(arguments.out)
            print(json.dumps(measure(checkpoint, Frames(arguments.held_out, seed=0), 128)), flush=True)
    return average


def objective(model: AutoencoderTiny, image: Tensor, mask: Tensor) -> Tensor:
    """Absolute and squared error of values and of gradients, the object counted fourfold."""
    image, mask = image.to(model.device), mask.to(model.device)
    with torch.autocast(model.device.type, torch.bfloat16):
        latents = model.encoder(image)
        result = model.decoder(latents + 0.05 * torch.randn_like(latents))
    error, latents = result.float() - image, latents.float()
    weight = 1 + 3 * mask
    loss = (weight * (error.abs() + 4 * error.square())).mean()
    loss = loss + 0.7 * (weight[..., 1:, :] * error.diff(dim=-2).abs()).mean()
    loss = loss + 0.7 * (weight[..., 1:] * error.diff(dim=-1).abs()).mean()
    spread = latents.mean((0, 2, 3)).square().mean() + (latents.std((0, 2, 3)) - 1).square().mean()
    return loss + 0.05 * spread


@torch.no_grad()
def measure(model: AutoencoderTiny, frames: Frames, count: int) -> dict[str, float]:
    """PSNR over frames and inside the object, each pooled over all pixels and as a mean of frames."""
    errors, inside, latents = [], [], []
    model = model.to(memory_format=torch.channels_last)
    for first in range(0, count, 16):
        image, mask = frames.whole(list(range(first, first + 16)))
        image, mask = image.to(model.device), mask.to(model.device)
        with torch.autocast(model.device.type, torch.bfloat16):
            z = model.encoder(image)
            result = model.decoder(z).float().clamp(-1, 1)
        error = (result - image).square().mean(1, keepdim=True) / 4
        errors.append(error.mean((1, 2, 3)))
        inside.append((error * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3)))
        latents.append(z.float())
    overall, object_only, z = torch.cat(errors), torch.cat(inside), torch.cat(latents)
    return {
        "psnr": decibel(overall.mean()),
        "psnr_inside": decibel(object_only.mean()),
        "psnr_mean_of_frames": float(np.mean([decibel(e) for e in overall])),
        "psnr_inside_mean_of_frames": float(np.mean([decibel(e) for e in object_only])),
        "latent_mean": z.mean().item(),
        "latent_std": z.std().item(),
    }


def decibel(error: Tensor) -> float:
    """Peak signal to noise ratio of a mean squared error in units of the peak."""
    return -10 * error.clamp(min=1e-10).log10().item()


def stacked(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[Tensor, Tensor]:
    """Images in [-1, 1] and masks, channels last in memory."""
    images = torch.from_numpy(np.stack([image for image, _ in pairs])).permute(0, 3, 1, 2)
    masks = torch.from_numpy(np.stack([mask for _, mask in pairs])).permute(0, 3, 1, 2)
    return images.float() / 127.5 - 1, masks.float()


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder written by render.py")
    parser.add_argument("held_out", type=Path, help="the same, of held-out seeds")
    parser.add_argument("out", type=Path, help="folder for the weights")
    parser.add_argument("--start", type=Path, help="weights to continue from")
    parser.add_argument("--decoder-only", action="store_true", help="leave the latents as they are")
    parser.add_argument("--minutes", type=float, default=28)
    parser.add_argument("--rate", type=float, default=1.2e-3)
    parser.add_argument("--batch", type=int, default=12, help="whole frames; four times as many crops")
    parser.add_argument("--measured", type=int, default=512, help="held-out frames to measure")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
