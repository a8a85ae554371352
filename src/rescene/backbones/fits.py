"""Refuses what doesn't belong together, before it is computed with: networks, sizes, conditions."""

from collections.abc import Iterable, Set
from typing import Any

from ..fields import Kind
from ..inputs.grid import Grid
from .backbone import Branch, Condition

WORDS: dict[Kind, str] = {
    "text": "a text",
    "picture": "a picture",
    "beside": "an image's latents",
    "depth": "depth maps",
}


def refuse_conditions(title: str, needed: Set[Kind], branches: Iterable[Branch]) -> None:
    """Raises ValueError if a branch lacks a condition that a model needs, or has one that it can't read."""
    for branch in branches:
        if (given := _given(branch.condition, needed)) != needed:
            raise ValueError(
                f"this {title} reads {_listed(needed)} and was given {_listed(given)}; use a model or a "
                "method of the other kind"
            )


def _given(condition: Condition, needed: Set[Kind]) -> Set[Kind]:
    beside: Kind = "depth" if "depth" in needed else "beside"
    found: dict[Kind, object] = {
        "text": condition.text,
        "picture": condition.picture,
        beside: condition.beside,
    }
    return {kind for kind, value in found.items() if value is not None}


def _listed(kinds: Set[Kind]) -> str:
    return " and ".join(words for kind, words in WORDS.items() if kind in kinds) or "nothing"


def refuse_size(height: int, width: int, grid: Grid) -> None:
    """Raises ValueError if a model can't take frames of that size."""
    if height % grid.stride or width % grid.stride:
        near = [max(grid.stride, round(side / grid.stride) * grid.stride) for side in (height, width)]
        raise ValueError(
            f"the video is {width}x{height} and this model takes multiples of {grid.stride}; try "
            f"video.resize({near[0]}, {near[1]}), or `rescene.Fit`, which also undoes it"
        )


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
