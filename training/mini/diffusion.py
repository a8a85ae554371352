"""Trains the UNet and the text encoder together on encoded frames; can be stopped and resumed.

The learning rate follows a cosine over `--minutes` of training, whatever the number of runs they are done in.
On a processor, two processes of one thread each, which average their gradients, are faster than two threads.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from captions import Captions
from checkpoint import Run
from diffusers import AutoencoderTiny, DDIMScheduler, UNet2DConditionModel
from loop import meet, start, train
from places import WatchedAttention, Words, misplaced
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

TEXT_WIDTH = 192
OBJECT_WEIGHT = 3.0  # How much more an error counts inside the object, which fills a tenth of the picture.
MOST_NOISE_WEIGHT = 8.0


def main() -> None:
    """Encodes the frames if that is still to do, then trains in as many processes as asked for."""
    arguments = parse()
    encoded(arguments.data, arguments.autoencoder, arguments.frames)
    start(worker, arguments)


def worker(rank: int, arguments: argparse.Namespace) -> None:
    """Trains; the first process writes a checkpoint every few minutes."""
    meet(rank, arguments)
    tokenizer = CLIPTokenizer.from_pretrained(arguments.tokenizer)
    text, network = text_encoder(tokenizer), unet()
    attention, words = WatchedAttention(), Words(tokenizer)
    # On a processor also faster than the fused attention, whose backward pass takes a quarter of a step.
    network.set_attn_processor(attention)
    if arguments.start:
        text.load_state_dict(CLIPTextModel.from_pretrained(arguments.start / "text_encoder").state_dict())
        shipped = UNet2DConditionModel.from_pretrained(arguments.start / "unet")
        network.load_state_dict(shipped.state_dict())
    parts = {"unet": network.to(arguments.device), "text": text.to(arguments.device)}
    run = Run(parts, rate=arguments.rate)
    if (arguments.out / "state.json").exists():
        run.load(arguments.out)
    data = Data(arguments.data, encoded(arguments.data, arguments.autoencoder, arguments.frames))
    captions = Captions(tokenizer, seed=hash((arguments.seed, run.step, rank)))
    draw = np.random.default_rng((arguments.seed, run.step, rank))
    torch.manual_seed(int(draw.integers(2**31)))
    signal = noise_schedule().alphas_cumprod.sqrt()

    def losses() -> tuple[Tensor, float]:
        rows = draw.integers(0, len(data.latents), arguments.batch)
        z, weights, scenes = data.batch(rows)
        ids = captions(scenes)
        places, cover = words(scenes, ids), data.cover(rows).to(arguments.device)
        astray: list[Tensor] = []

        def predict(noisy: Tensor, times: Tensor) -> Tensor:
            predicted = network(noisy, times, text(ids.to(noisy.device)).last_hidden_state).sample
            astray.append(misplaced(attention.take(), places, cover, signal[times.cpu()].to(cover)))
            return predicted

        loss, plain = objective(predict, z.to(arguments.device), weights.to(arguments.device))
        return loss + arguments.places * astray[0], plain

    train(run, losses, arguments)


class Data:
    """Latents of the frames, how much each place in them counts, and their words; row by row."""

    def __init__(self, folder: Path, latents: Tensor) -> None:
        self.latents, self.scale = latents, 1 / latents[:4096].float().std()
        self.masks = np.load(folder / "masks.npy")
        self.scenes = json.loads((folder / "scenes.json").read_text())

    def batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor, list[dict[str, str | None]]]:
        """Scaled latents [B, C, 16, 16], weights [B, 1, 16, 16] of mean one in each frame, words."""
        weights = 1 + OBJECT_WEIGHT * self.cover(rows)
        return (
            self.latents[rows].float() * self.scale,
            weights / weights.mean((2, 3), keepdim=True),
            [self.scenes[row] for row in rows],
        )

    def cover(self, rows: np.ndarray) -> Tensor:
        """How much of each latent position the object covers, [B, 1, 16, 16]."""
        bits = np.unpackbits(self.masks[rows], axis=-1)
        return torch.from_numpy(bits.reshape(-1, 1, 16, 8, 16, 8).mean((3, 5), dtype=np.float32))


def unet() -> UNet2DConditionModel:
    """17 million weights; attention at 16 and 8 (and at 4, in the middle)."""
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=16,
        out_channels=16,
        layers_per_block=1,
        block_out_channels=(96, 192, 256),
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=(3, 6, 8),  # diffusers' name for the number of heads,
        norm_num_groups=16,
    ).to(memory_format=torch.channels_last)


def text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """A small CLIP text encoder, from scratch."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=TEXT_WIDTH,
            intermediate_size=2 * TEXT_WIDTH,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=tokenizer.model_max_length,
            projection_dim=TEXT_WIDTH,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def noise_schedule() -> DDIMScheduler:
    """Stable Diffusion's."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )


@torch.no_grad()
def encoded(data: Path, autoencoder: Path, count: int) -> Tensor:
    """Latents of the frames, [N, 16, 16, 16], in half precision; kept in a file."""
    file = data / "latents.safetensors"
    if file.exists():
        return load_file(file)["latents"]
    model = AutoencoderTiny.from_pretrained(autoencoder).to(memory_format=torch.channels_last).eval()
    images = np.load(data / "images.npy", mmap_mode="r")[:count].copy()
    parts = []
    for first in range(0, len(images), 32):
        batch = torch.from_numpy(images[first : first + 32]).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.autocast("cpu", torch.bfloat16):
            parts.append(model.encoder(batch).half().contiguous())
    latents = torch.cat(parts)
    save_file({"latents": latents}, file)
    return latents


def objective(
    predict: Callable[[Tensor, Tensor], Tensor], z: Tensor, weights: Tensor
) -> tuple[Tensor, float]:
    """The weighted loss and the plain one.

    Errors of the noise count 1 / sqrt(SNR) (Yu et al., Debias the Training of Diffusion Models, 2023): the
    plain loss hardly counts the noisy levels, where the content of the picture is decided.

    Args:
        predict: The noise in noisy latents at their timesteps.
        z: Scaled latents [B, C, 16, 16].
        weights: How much each place counts, [B, 1, 16, 16].
    """
    levels = noise_schedule().alphas_cumprod.to(z.device)
    noise, times = torch.randn_like(z), spread_times(len(z), len(levels)).to(z.device)
    level = levels[times].view(-1, 1, 1, 1)
    noisy = (level.sqrt() * z + (1 - level).sqrt() * noise).contiguous(memory_format=torch.channels_last)
    with torch.autocast(z.device.type, torch.bfloat16):
        predicted = predict(noisy, times)
    error = (predicted.float() - noise).square()
    ratio = (level / (1 - level)).flatten()
    counts = ratio.rsqrt().clamp(max=MOST_NOISE_WEIGHT)
    return ((error * weights).mean((1, 2, 3)) * counts).mean(), error.mean().item()


def spread_times(count: int, levels: int) -> Tensor:
    """One random noise level from each of `count` equal ranges, so that every batch sees them all."""
    return ((torch.arange(count) + torch.rand(count)) / count * levels).long()


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder written by render.py")
    parser.add_argument("autoencoder", type=Path, help="folder written by autoencoder.py")
    parser.add_argument("tokenizer", type=Path, help="folder written by tokenizer.py")
    parser.add_argument("out", type=Path, help="folder for checkpoints")
    parser.add_argument("--start", type=Path, help="exported pipeline whose weights to begin from")
    parser.add_argument("--minutes", type=float, default=120, help="in all, over all runs")
    parser.add_argument("--frames", type=int, default=20_000, help="how many to encode, if not done yet")
    parser.add_argument("--rate", type=float, default=6e-4)
    parser.add_argument(
        "--places", type=float, default=0.003, help="weight of the loss that puts words where they are"
    )
    parser.add_argument("--batch", type=int, default=12, help="samples a step and process")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--meeting", default="tcp://127.0.0.1:29531", help="where the processes meet")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
