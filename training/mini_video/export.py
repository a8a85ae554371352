"""Joins the trained weights into one diffusers folder, in the layout of Wan 2.2 TI2V, in half precision."""

import argparse
import json
from pathlib import Path

import parts
import save
import torch
from tokenizer import entries, tokenizer


def main() -> None:
    """What `diffusers.WanPipeline` loads."""
    arguments = parse()
    networks = {
        "transformer": parts.transformer(arguments.layers, arguments.heads),
        "text": parts.text_encoder(entries()),
    }
    save.load_rest(networks, arguments.weights)
    folders = {"vae": save.autoencoder(arguments.weights), "transformer": networks["transformer"]}
    folders |= {"text_encoder": networks["text"]}
    for name, network in folders.items():
        if arguments.short and name != "vae":
            network.to(torch.bfloat16)  # mantissas of 8 bits pack smaller
        network.to(torch.float16).save_pretrained(arguments.out / name)
    tokenizer().save_pretrained(arguments.out / "tokenizer")
    (arguments.out / "scheduler").mkdir(exist_ok=True)
    written(parts.SCHEDULER, arguments.out / "scheduler" / "scheduler_config.json")
    written(parts.INDEX, arguments.out / "model_index.json")
    # transformers loads in the type named here, diffusers in float32; they must agree.
    file = arguments.out / "text_encoder" / "config.json"
    written(json.loads(file.read_text()) | {"dtype": "float32"}, file)
    for file in arguments.out.rglob("*.safetensors"):
        file.chmod(0o644)


def written(entries: dict[str, object], file: Path) -> None:
    """As JSON, without paths of this machine."""
    file.write_text(json.dumps({k: v for k, v in entries.items() if k != "_name_or_path"}, indent=2) + "\n")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, help="folder `weights` that run.py wrote")
    parser.add_argument("out", type=Path, help="folder for the pipeline")
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--short", action="store_true", help="mantissas of bfloat16, but for the autoencoder")
    return parser.parse_args()


if __name__ == "__main__":
    main()
