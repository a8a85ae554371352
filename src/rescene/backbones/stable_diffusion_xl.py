"""Stable Diffusion XL (Podell et al., ICLR 2024) as a backbone: two text encoders, and sizes to read."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..attention import Pass
from . import stable_diffusion
from .checkpoints import Family
from .fits import refuse_unfit_xl
from .stable_diffusion import StableDiffusion
from .text import Text, TwoClips


class StableDiffusionXL(StableDiffusion):
    """Stable Diffusion XL, base model. What differs from `StableDiffusion`; see there.

    Args:
        components: Also `text_encoder_2` and `tokenizer_2`.
    """

    title = "Stable Diffusion XL"

    def _networks(self, components: dict[str, Any]) -> Sequence[Any]:
        names = ("unet", "text_encoder", "text_encoder_2", "vae")
        unet, text, text_2, vae = (components[name] for name in names)
        refuse_unfit_xl(unet.config, vae.config, text.config, text_2.config)
        if vae.config.force_upcast and vae.dtype == torch.float16:
            vae.float()  # Its activations overflow.
        return unet, text, text_2, vae

    def _encoder(self, components: dict[str, Any], remark: Callable[[str], str | None] | None) -> TwoClips:
        tokenizers = components["tokenizer"], components["tokenizer_2"]
        encoders = components["text_encoder"], components["text_encoder_2"]
        return TwoClips(self._parts, tokenizers, encoders, remark=remark)

    def _read(self, texts: list[Text], now: Pass, x: Tensor) -> dict[str, Any]:
        height, width = (side * self.grid.space for side in now.size)
        # As if the picture had had this size, and nothing had been cut off.
        sizes = torch.tensor([height, width, 0, 0, height, width]).to(x)
        summaries = [text.summary.expand(now.times, -1) for text in texts if text.summary is not None]
        summary = {"text_embeds": torch.cat(summaries).to(x), "time_ids": sizes.expand(len(x), -1)}
        return {**super()._read(texts, now, x), "added_cond_kwargs": summary}


def _pipeline(components: dict[str, Any]) -> Any:
    """What merges LoRAs. Pipelines pull in much that nothing else needs."""
    from diffusers import StableDiffusionXLPipeline

    return StableDiffusionXLPipeline(**components, add_watermarker=False)


FAMILY = Family(
    title=StableDiffusionXL.title,
    pipelines=tuple(f"StableDiffusionXL{kind}Pipeline" for kind in ("", "Img2Img", "Inpaint", "ControlNet")),
    parts={
        **stable_diffusion.FAMILY.parts,
        "text_encoder_2": ("CLIPTextModelWithProjection",),
        "tokenizer_2": stable_diffusion.FAMILY.parts["tokenizer"],
    },
    scheduler="DDIMScheduler",
    make=StableDiffusionXL,
    pipeline=_pipeline,
)
