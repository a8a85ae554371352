"""A tiny random model for the demo, where the embedded one isn't there: it shows the way, not the picture."""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

LETTERS = "abcdefghijklmnopqrstuvwxyz,"
BEGIN, END = "<|startoftext|>", "<|endoftext|>"
LENGTH, WIDTH = 77, 32

UNET: dict[str, Any] = {
    "sample_size": 16,
    "block_out_channels": (16, 16, 32),
    "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    "cross_attention_dim": WIDTH,
    "attention_head_dim": 4,
    "layers_per_block": 1,
    "norm_num_groups": 8,
}
AUTOENCODER: dict[str, Any] = {
    "block_out_channels": (8, 8, 16, 16),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "sample_size": 128,
    "layers_per_block": 1,
    "norm_num_groups": 8,
}
SCHEDULER: dict[str, Any] = {
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
PARTS = {
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "scheduler": ["diffusers", "DDIMScheduler"],
}


def stand_in(folder: Path) -> Path:
    """Saves random weights as Stable Diffusion's are: 8 pixels a latent, words spelled letter by letter."""
    tokens = _save_tokenizer(folder / "tokenizer")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        UNet2DConditionModel(**UNET).save_pretrained(folder / "unet")
        AutoencoderKL(**AUTOENCODER).save_pretrained(folder / "vae")
        CLIPTextModel(_text_config(tokens)).save_pretrained(folder / "text_encoder")
    DDIMScheduler(**SCHEDULER).save_pretrained(folder / "scheduler")
    index = {"_class_name": "StableDiffusionPipeline", **PARTS}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def _save_tokenizer(folder: Path) -> list[str]:
    tokens = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), BEGIN, END]
    settings = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": LENGTH,
        "bos_token": BEGIN,
        "eos_token": END,
        "pad_token": END,
        "unk_token": END,
    }
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return tokens


def _text_config(tokens: list[str]) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(tokens),
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=LENGTH,
        bos_token_id=tokens.index(BEGIN),
        eos_token_id=tokens.index(END),
        pad_token_id=tokens.index(END),
    )
