"""The trained weights in small files, each written whole or not at all, and read again."""

import json
from collections.abc import Mapping
from pathlib import Path

import parts
import torch
from diffusers import AutoencoderKLWan
from safetensors.torch import load_file, save_file
from tokenizer import capitals, pieces
from torch import Tensor, nn

PIECES = 2
"""Files for the transformer, so that none is large."""


def saved_autoencoder(vae: AutoencoderKLWan, folder: Path) -> None:
    """Half precision, with what its latents' statistics are."""
    statistics = json.dumps([list(vae.config.latents_mean), list(vae.config.latents_std)])
    written(
        {name: value.half() for name, value in vae.state_dict().items()},
        folder / "vae.safetensors",
        statistics,
    )


def saved_rest(average: Mapping[str, Tensor], folder: Path) -> None:
    """The text encoder and the transformer, from a running average with the names of `checkpoint.Run`."""
    text = {name[5:]: value.half() for name, value in average.items() if name.startswith("text.")}
    text["shared.weight"] = capitalised(text["shared.weight"])
    written(text, folder / "text.safetensors")
    names = sorted(name for name in average if name.startswith("transformer."))
    for k in range(PIECES):
        some = {name[12:]: average[name].half() for name in names[k::PIECES]}
        written(some, folder / f"transformer-{k + 1}.safetensors")


def capitalised(table: Tensor) -> Tensor:
    """The table of embeddings in which capitalised words, which captions don't have, mean the same."""
    rows = {piece: row for row, (piece, _) in enumerate(pieces())}
    table = table.clone()
    for capital, plain in capitals().items():
        table[rows[capital]] = table[rows[plain]]
    return table


def written(tensors: dict[str, Tensor], file: Path, statistics: str = "") -> None:
    """Through a file of another name."""
    unfinished = file.with_suffix(".tmp")
    save_file(
        {name: value.cpu().contiguous() for name, value in tensors.items()},
        unfinished,
        {"statistics": statistics},
    )
    unfinished.rename(file)


def autoencoder(folder: Path) -> AutoencoderKLWan:
    """In full precision."""
    from safetensors import safe_open

    with safe_open(folder / "vae.safetensors", "pt") as file:
        mean, std = json.loads(file.metadata()["statistics"])
    vae = parts.autoencoder(mean, std)
    vae.load_state_dict(
        {name: value.float() for name, value in load_file(folder / "vae.safetensors").items()}
    )
    return vae.eval().requires_grad_(False)


@torch.no_grad()
def load_rest(networks: Mapping[str, nn.Module], folder: Path) -> None:
    """Into the networks `transformer` and `text`."""
    text = load_file(folder / "text.safetensors")
    transformer: dict[str, Tensor] = {}
    for file in sorted(folder.glob("transformer-*.safetensors")):
        transformer |= load_file(file)
    for name, tensors in (("text", text), ("transformer", transformer)):
        known = dict(networks[name].named_parameters())
        if known.keys() != tensors.keys():
            raise ValueError(f"the files of {folder} don't hold the {name}: {known.keys() ^ tensors.keys()}")
        for key, value in known.items():
            value.copy_(tensors[key])
