"""Trains a ControlNet that follows edges, beside a finished pipeline; can be stopped and resumed.

It begins as a copy of the UNet's first half (Zhang et al., "Adding conditional control to text-to-image
diffusion models", ICCV 2023); UNet and text encoder stay as they are. What it reads are rescene's Canny
edges, at the thresholds of the command line, of the frames that render.py wrote.
"""

import argparse
import copy
from pathlib import Path

import numpy as np
import torch
from captions import Captions
from checkpoint import Run
from diffusers import ControlNetModel, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from diffusion import Data, encoded, objective
from export import configure
from loop import meet, start, train
from torch import Tensor, distributed
from transformers import CLIPTextModel, CLIPTokenizer

from rescene import Canny, Video

EDGE_CHANNELS = (16, 16, 32, 64)
"""Of the layers that take edges from 128 rows to 16: one more than there are halvings."""
EMPTY_CAPTIONS = 0.5  # As published: so that the edges alone must tell what is there.


def main() -> None:
    """Encodes the frames if that is still to do, then trains in as many processes as asked for."""
    arguments = parse()
    encoded(arguments.data, arguments.start / "vae", arguments.frames)
    start(worker, arguments)


def worker(rank: int, arguments: argparse.Namespace) -> None:
    """Trains; the first process writes a checkpoint every few minutes, and the ControlNet at the end."""
    meet(rank, arguments)
    tokenizer = CLIPTokenizer.from_pretrained(arguments.start / "tokenizer")
    text, unet = frozen(arguments.start, arguments.device)
    network = controlnet(unet)
    if arguments.device == "cpu":  # The backward pass of the fused attention is slow there.
        unet.set_attn_processor(AttnProcessor())
        network.set_attn_processor(AttnProcessor())
    network.to(arguments.device, memory_format=torch.channels_last).requires_grad_(True)
    run = Run({"controlnet": network}, rate=arguments.rate)
    if (arguments.out / "state.json").exists():
        run.load(arguments.out)
    data = Data(arguments.data, encoded(arguments.data, arguments.start / "vae", arguments.frames))
    images = np.load(arguments.data / "images.npy", mmap_mode="r")
    captions = Captions(tokenizer, seed=hash((arguments.seed, run.step, rank)), dropped=EMPTY_CAPTIONS)
    draw = np.random.default_rng((arguments.seed, run.step, rank))
    torch.manual_seed(int(draw.integers(2**31)))

    def losses() -> tuple[Tensor, float]:
        rows = draw.integers(0, len(data.latents), arguments.batch)
        z, weights, scenes = data.batch(rows)
        ids, shown = captions(scenes).to(arguments.device), edges(images[rows]).to(arguments.device)

        def predict(noisy: Tensor, times: Tensor) -> Tensor:
            with torch.no_grad():
                words = text(ids).last_hidden_state
            down, middle = network(noisy, times, words, shown, return_dict=False)
            steered = {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
            return unet(noisy, times, words, **steered).sample

        return objective(predict, z.to(arguments.device), weights.to(arguments.device))

    train(run, losses, arguments)
    if not distributed.is_initialized() or distributed.get_rank() == 0:
        export(run, network, arguments.out / "controlnet_canny")


def frozen(folder: Path, device: str) -> tuple[CLIPTextModel, UNet2DConditionModel]:
    """Text encoder and UNet of a pipeline, not to be trained."""
    text = CLIPTextModel.from_pretrained(folder / "text_encoder").eval().requires_grad_(False)
    unet = UNet2DConditionModel.from_pretrained(folder / "unet").eval().requires_grad_(False)
    return text.to(device), unet.to(device, memory_format=torch.channels_last)


def controlnet(unet: UNet2DConditionModel) -> ControlNetModel:
    """A copy of the UNet's first half, but for the attention in the middle: edges say little at 4 by 4."""
    whole = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=EDGE_CHANNELS)
    smaller = ControlNetModel.from_config(whole.config, mid_block_type="UNetMidBlock2D")
    assert not smaller.load_state_dict(whole.state_dict(), strict=False).missing_keys
    # Published, this layer begins at zero as the outputs do, and edges stay unseen for thousands of steps, as
    # each of the two waits for the other. The outputs' zeros alone keep the UNet as it is.
    smaller.controlnet_cond_embedding.conv_out.reset_parameters()
    return smaller


def edges(images: np.ndarray) -> Tensor:
    """Edges [B, 3, H, W], 0 or 1, of frames in bytes [B, H, W, 3]."""
    return Canny()(Video.of(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(), 1)).frames


def export(run: Run, network: ControlNetModel, folder: Path) -> None:
    """Writes the running average of the weights in diffusers' layout and half precision."""
    run.use_average()
    averaged = copy.deepcopy(network).to(memory_format=torch.contiguous_format)
    averaged.half().save_pretrained(folder)
    configure(folder)
    for file in folder.iterdir():
        file.chmod(0o644)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder written by render.py")
    parser.add_argument("start", type=Path, help="pipeline to steer, written by export.py")
    parser.add_argument("out", type=Path, help="folder for checkpoints, and for controlnet_canny at the end")
    parser.add_argument("--minutes", type=float, default=20, help="in all, over all runs")
    parser.add_argument("--frames", type=int, default=20_000, help="how many to encode, if not done yet")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--batch", type=int, default=12, help="samples a step and process")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--meeting", default="tcp://127.0.0.1:29532", help="where the processes meet")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
