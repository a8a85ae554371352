"""Refuses what doesn't belong together, before it is computed with: networks, sizes, conditions."""

from collections.abc import Iterable, Set
from typing import Any

from ..fields import Kind
from ..inputs.grid import Grid
from ..typing import Frames
from .backbone import Branch, Condition

WORDS: dict[Kind, str] = {
    "text": "a text",
    "picture": "a picture",
    "beside": "an image's latents",
    "depth": "depth maps",
    "control": "a control",
}


def refuse_conditions(
    title: str, needed: Set[Kind], branches: Iterable[Branch], *, options: Set[Kind] = frozenset()
) -> None:
    """Raises ValueError if a branch lacks a condition that a model needs, or has one that it can't read."""
    for branch in branches:
        if not needed <= (given := _given(branch.condition, needed | options)) <= needed | options:
            raise ValueError(
                f"this {title} reads {_listed(needed | options)} and was given {_listed(given)}; use a model "
                "or a method of the other kind"
            )


def _given(condition: Condition, known: Set[Kind]) -> Set[Kind]:
    beside: Kind = "depth" if "depth" in known else "control" if "control" in known else "beside"
    found: tuple[tuple[Kind, object], ...] = (
        ("text", condition.text),
        ("picture", condition.picture),
        (beside, condition.beside),
    )
    return {kind for kind, value in found if value is not None}


def _listed(kinds: Set[Kind]) -> str:
    return " and ".join(words for kind, words in WORDS.items() if kind in kinds) or "nothing"


def refuse_last(last: Frames | None) -> None:
    """Raises ValueError if a last frame is given to a model that doesn't take it."""
    if last is not None:
        raise ValueError("this model is led by a first frame only; use one that takes a last one too")


def refuse_shift(title: str, shift: float | None) -> None:
    """Raises ValueError if levels of noise are to be shifted that a model was given by its training."""
    if shift is not None:
        raise ValueError(f"{title} takes no shift (of {shift:g}); it belongs to models such as Wan")


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


def refuse_unfit_wan(transformer: Any, vae: Any, text_encoder: Any) -> None:
    """Raises ValueError if three configurations don't make a Wan."""
    if transformer.text_dim != text_encoder.d_model:
        raise ValueError(
            f"the transformer takes texts of width {transformer.text_dim} and the text encoder makes "
            f"{text_encoder.d_model}; they must come from one model"
        )
    extra = transformer.in_channels - vae.z_dim
    if extra not in (0, vae.z_dim, vae.z_dim + vae.scale_factor_temporal):
        raise ValueError(
            f"the transformer takes {transformer.in_channels} channels and the VAE makes {vae.z_dim}: a Wan "
            "of a kind that isn't supported"
        )
