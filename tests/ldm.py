"""Writes a model as one file in the original layout of Stable Diffusion, as most published fine-tunes are."""

import re
from collections.abc import Iterator
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

LAYERS = 1
"""Residual blocks in each of the UNet's downward blocks (`layers_per_block`)."""
LEVELS = 4

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def single_file(folder: Path, path: Path) -> Path:
    """Joins the parts of a model in diffusers' layout."""
    tensors = {
        **dict(_unet(load_file(folder / "unet" / "diffusion_pytorch_model.safetensors"))),
        **dict(_vae(load_file(folder / "vae" / "diffusion_pytorch_model.safetensors"))),
    }
    for name, tensor in load_file(folder / "text_encoder" / "model.safetensors").items():
        tensors[f"cond_stage_model.transformer.text_model.{name.removeprefix('text_model.')}"] = tensor
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    return path


def _unet(tensors: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in tensors.items():
        module, kind = name.rsplit(".", 1)
        if place := re.match(r"(down|up)_blocks\.(\d+)\.(\w+?)s\.(\d+)\.(.*)", module):
            stage, block, part, layer = place[1], int(place[2]), place[3], int(place[4])
            module = _inner(stage, block, part, layer, place[5])
        elif place := re.match(r"mid_block\.(\w+)s\.(\d)\.(.*)", module):
            number = 1 if place[1] == "attention" else 2 * int(place[2])
            module = f"middle_block.{number}.{RESNET.get(place[3], place[3])}"
        else:
            module = ENDS[module]
        yield f"model.diffusion_model.{module}.{kind}", tensor


def _inner(stage: str, block: int, part: str, layer: int, rest: str) -> str:
    rest = RESNET.get(rest, rest)
    if part == "downsampler":
        return f"input_blocks.{(block + 1) * (LAYERS + 1)}.0.op"
    if part == "upsampler":  # After the attention, where there is any.
        return f"output_blocks.{block * (LAYERS + 1) + LAYERS}.{1 if block == 0 else 2}.{rest}"
    number = block * (LAYERS + 1) + layer
    where = f"input_blocks.{number + 1}" if stage == "down" else f"output_blocks.{number}"
    return f"{where}.{0 if part == 'resnet' else 1}.{rest}"


def _vae(tensors: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in tensors.items():
        name = re.sub(r"conv_norm_out", "norm_out", name)
        name = re.sub(r"conv_shortcut", "nin_shortcut", name)
        name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
        name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
        name = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{LEVELS - 1 - int(m[1])}.block", name)
        name = re.sub(
            r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{LEVELS - 1 - int(m[1])}.upsample", name
        )
        name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
        if place := re.match(r"(.*)mid_block\.attentions\.0\.(.*)\.(\w+)$", name):
            part = VAE_ATTENTION[place[2]]
            name = f"{place[1]}mid.attn_1.{part}.{place[3]}"
            tensor = tensor[..., None, None] if part != "norm" and place[3] == "weight" else tensor
        yield f"first_stage_model.{name}", tensor
