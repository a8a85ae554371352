"""Refuses networks that don't belong together, before they compute nonsense."""

from typing import Any

from torch import Tensor


def refuse_unfit(unet: Any, vae: Any, text_encoder: Any) -> None:
    """Raises ValueError if three configurations don't make a Stable Diffusion 1.x or 2.x."""
    # Depth models read one channel more, InstructPix2Pix an image's latents.
    if unet.in_channels - vae.latent_channels not in (0, 1, vae.latent_channels):
        raise ValueError(
            f"the UNet takes {unet.in_channels} channels and the VAE makes {vae.latent_channels}: an "
            "inpainting model, perhaps; use the one for text to image"
        )
    width = text_encoder.hidden_size
    if unet.cross_attention_dim != width or unet.addition_embed_type is not None:
        raise ValueError(
            f"the UNet takes texts of width {unet.cross_attention_dim} and the text encoder makes {width}, "
            "or it wants more than a text: not Stable Diffusion 1.x or 2.x (SDXL, perhaps)"
        )


def refuse_unfit_xl(unet: Any, vae: Any, text_encoder: Any, text_encoder_2: Any) -> None:
    """Raises ValueError if configurations don't make a Stable Diffusion XL."""
    width = text_encoder.hidden_size + text_encoder_2.hidden_size
    if unet.addition_embed_type != "text_time" or unet.cross_attention_dim != width:
        raise ValueError(
            f"the UNet takes texts of width {unet.cross_attention_dim} and the text encoders make {width}, "
            "or it doesn't take sizes: not Stable Diffusion XL's base model (its refiner, perhaps)"
        )
    if unet.in_channels != vae.latent_channels or getattr(vae, "latents_mean", None) is not None:
        raise ValueError(
            "this variant of Stable Diffusion XL isn't supported: it reads more than its latents, or scales "
            "them in its own way; use the base model or one tuned from it"
        )


def refuse_latents(x: Tensor, channels: int) -> None:
    """Raises ValueError if a network that reads `channels` is given something else."""
    if x.shape[1] != channels:
        raise ValueError(
            f"this model reads {channels} channels and this method gives it {x.shape[1]}: it may be one for "
            "instructions, depth or inpainting; use one for text to image"
        )
