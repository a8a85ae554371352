"""Networks of published shapes with random weights: they cost what the real ones cost."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from rescene import StableDiffusion


def sd15_shaped(dtype: torch.dtype, device: str) -> StableDiffusion:
    """Stable Diffusion 1.5's shape: 860 million parameters in the UNet, text 768 wide."""
    text = CLIPTextConfig(
        hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12
    )
    return shaped({"cross_attention_dim": 768, "attention_head_dim": 8}, text, dtype, device)


def sd21_shaped(dtype: torch.dtype, device: str) -> StableDiffusion:
    """Stable Diffusion 2.1's shape (the 512-pixel model): 866 million parameters, text 1024 wide."""
    text = CLIPTextConfig(
        hidden_size=1024, intermediate_size=4096, num_hidden_layers=23, num_attention_heads=16
    )
    heads = {"attention_head_dim": (5, 10, 20, 20), "use_linear_projection": True}
    return shaped({"cross_attention_dim": 1024, **heads}, text, dtype, device)


def shaped(
    unet_settings: dict[str, Any], text: CLIPTextConfig, dtype: torch.dtype, device: str
) -> StableDiffusion:
    """A random Stable Diffusion with the given UNet and text encoder."""
    torch.manual_seed(0)
    torch.set_default_dtype(dtype)
    try:
        unet = UNet2DConditionModel(sample_size=64, **unet_settings)
        blocks: dict[str, Any] = {
            "block_out_channels": (128, 256, 512, 512),
            "down_block_types": ("DownEncoderBlock2D",) * 4,
            "up_block_types": ("UpDecoderBlock2D",) * 4,
        }
        vae = AutoencoderKL(latent_channels=4, layers_per_block=2, sample_size=512, **blocks)
        encoder = CLIPTextModel(text)
    finally:
        torch.set_default_dtype(torch.float32)
    tokenizer = CLIPTokenizer.from_pretrained(Path(str(files("rescene") / "mini" / "tokenizer")))
    tokenizer.model_max_length = 77
    scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
        set_alpha_to_one=False, steps_offset=1,
    )  # fmt: skip
    parts = {
        "unet": unet,
        "vae": vae,
        "text_encoder": encoder,
        "tokenizer": tokenizer,
        "scheduler": scheduler,
    }
    return StableDiffusion(parts, device=device)
