"""Writes the trained parts as one diffusers folder that StableDiffusionPipeline loads, in half precision."""

import argparse
import json
import shutil
from pathlib import Path

import torch
from checkpoint import Run
from diffusers import AutoencoderTiny, StableDiffusionPipeline
from diffusion import noise_schedule, text_encoder, unet
from safetensors.torch import load_file
from transformers import CLIPTokenizer


def main() -> None:
    """Exports the running average of the weights, not the last ones."""
    arguments = parse()
    tokenizer = CLIPTokenizer.from_pretrained(arguments.tokenizer)
    text, network = text_encoder(tokenizer), unet()
    run = Run({"unet": network, "text": text}, rate=0.0)
    run.load(arguments.run)
    run.use_average()
    autoencoder = AutoencoderTiny.from_pretrained(arguments.autoencoder)
    latents = load_file(arguments.latents)["latents"][:4096].float()
    autoencoder.register_to_config(scaling_factor=round(1 / latents.std().item(), 5))
    pipeline = StableDiffusionPipeline(
        vae=autoencoder,
        text_encoder=text,
        tokenizer=tokenizer,
        unet=network.to(memory_format=torch.contiguous_format),
        scheduler=noise_schedule(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    # The mantissas of bfloat16: a sixth less, packed, in a repository that keeps every version.
    pipeline.unet.to(torch.bfloat16)
    pipeline.to(dtype=torch.float16).save_pretrained(arguments.out)
    # AutoencoderTiny saves what it warns of when it loads.
    configure(arguments.out / "vae", dropped="block_out_channels")
    # transformers loads in the type named here, diffusers in float32; they must agree.
    configure(arguments.out / "text_encoder", dtype="float32")
    for file in sorted(arguments.tokenizer.iterdir()):
        shutil.copy(file, arguments.out / "tokenizer")
    for file in arguments.out.rglob("*.safetensors"):
        file.chmod(0o644)


def configure(folder: Path, *, dropped: str = "", dtype: str = "") -> None:
    """Rewrites a part's config.json, without paths of this machine."""
    file = folder / "config.json"
    entries = json.loads(file.read_text()) | ({"dtype": dtype} if dtype else {})
    kept = {key: value for key, value in entries.items() if key not in (dropped, "_name_or_path")}
    file.write_text(json.dumps(kept, indent=2) + "\n")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder with the checkpoint of diffusion.py")
    parser.add_argument("autoencoder", type=Path, help="folder written by autoencoder.py")
    parser.add_argument("latents", type=Path, help="latents.safetensors, written by diffusion.py")
    parser.add_argument("tokenizer", type=Path, help="folder written by tokenizer.py")
    parser.add_argument("out", type=Path, help="folder for the pipeline")
    return parser.parse_args()


if __name__ == "__main__":
    main()
