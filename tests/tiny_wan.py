"""Random Wans of a few hundred kilobytes in the layout of published ones."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers import (
    AutoencoderKLWan,
    ModelMixin,
    UniPCMultistepScheduler,
    WanTransformer3DModel,
    WanVACETransformer3DModel,
)
from transformers import CLIPVisionConfig, CLIPVisionModel, T5Tokenizer, UMT5Config, UMT5EncoderModel

if TYPE_CHECKING:
    from rescene import Wan

WORDS = ("a", "the", "red", "blue", "car", "boat", "driving", "on", "road", "in", "sea", "jeep", "dog")
"""They are one token each; all others are spelled letter by letter."""
LETTERS = "abcdefghijklmnopqrstuvwxyz&;,."
LENGTH, WIDTH, CHANNELS = 24, 16, 8
"""Of prompts in tokens, of their states, and of latents."""
SHIFT = 5.0


def tiny_wan(
    folder: Path,
    *,
    index: Mapping[str, Any] | None = None,
    network: Mapping[str, Any] | None = None,
    patched: bool = False,
    second: bool = False,
    images: bool = False,
) -> Path:
    """Saves a random Wan: 8 pixels and 4 frames a latent, a stride of 16 pixels.

    Args:
        folder: Where to; it is made.
        index: Entries of `model_index.json` that are other than those of Wan 2.1 from text.
        network: Settings of the transformer that are others.
        patched: Whether the autoencoder is that of Wan 2.2 TI2V, with 16 pixels a latent.
        second: Whether there is a network for cleaner latents, too.
        images: Whether there is an image encoder.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        parts: dict[str, Any] = {"vae": _autoencoder(patched), "transformer": _transformer(network or {})}
        if second:
            parts["transformer_2"] = _transformer(network or {})
        if images:
            parts["image_encoder"] = _image_encoder()
        tokenizer = tiny_t5_tokenizer()
        parts["text_encoder"] = _text_encoder(len(tokenizer))
    for name, part in parts.items():
        part.save_pretrained(folder / name)
    tokenizer.save_pretrained(folder / "tokenizer")
    scheduler(SHIFT).save_pretrained(folder / "scheduler")
    listed = {
        name: [type(part).__module__.split(".")[0], type(part).__name__] for name, part in parts.items()
    }
    listed |= {"tokenizer": ["transformers", "T5TokenizerFast"]}
    listed |= {
        "scheduler": ["diffusers", "UniPCMultistepScheduler"],
        "transformer_2": listed.get("transformer_2"),
    }
    usual = {"_class_name": "WanPipeline", "boundary_ratio": None, "expand_timesteps": False}
    entries = {**usual, **listed, **(index or {})}
    entries["transformer_2"] = entries["transformer_2"] or [None, None]
    (folder / "model_index.json").write_text(json.dumps(entries))
    return folder


TINY_WANS: dict[str, Callable[[Path], Path]] = {
    "wan": tiny_wan,
    "wan-ti2v": partial(tiny_wan, index={"expand_timesteps": True}, patched=True),
    "wan-a14b": partial(tiny_wan, index={"boundary_ratio": 0.875}, second=True),
    "wan-i2v": partial(
        tiny_wan,
        index={"_class_name": "WanImageToVideoPipeline"},
        network={"in_channels": 2 * CHANNELS + 4, "image_dim": WIDTH, "added_kv_proj_dim": 48},
        images=True,
    ),
    "wan-vace": partial(
        tiny_wan,
        index={"_class_name": "WanVACEPipeline"},
        network={"vace_layers": [0, 1], "vace_in_channels": 2 * CHANNELS + 64},
    ),
}
"""A Wan of every kind: each saves it in a folder and returns that."""
EXTRA_WANS: dict[str, Callable[[Path], Path]] = {
    "wan-flf2v": partial(
        tiny_wan,
        index={"_class_name": "WanImageToVideoPipeline"},
        # Two pictures of four patches and a whole.
        network={
            "in_channels": 2 * CHANNELS + 4,
            "image_dim": WIDTH,
            "added_kv_proj_dim": 48,
            "pos_embed_seq_len": 10,
        },
        images=True,
    ),
    "wan-i2v-a14b": partial(
        tiny_wan,
        index={"_class_name": "WanImageToVideoPipeline", "boundary_ratio": 0.9},
        network={"in_channels": 2 * CHANNELS + 4},
        second=True,
    ),
    "lucy": partial(
        tiny_wan,
        index={"_class_name": "LucyEditPipeline", "expand_timesteps": True},
        network={"in_channels": 2 * CHANNELS},
        patched=True,
    ),
}
"""More of them, for what only they do."""


def loaded_wan(folder: Path, **options: Any) -> "Wan":
    """A tiny Wan, loaded."""
    from rescene import Wan, load

    model = load(folder, device="cpu", **options)
    assert isinstance(model, Wan)
    return model


def scheduler(shift: float) -> UniPCMultistepScheduler:
    """The sampler of published Wans."""
    return UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=shift
    )


def tiny_t5_tokenizer() -> T5Tokenizer:
    """A tokenizer in T5's format, of words and letters."""
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    words = [(f"▁{word}", -3.0) for word in WORDS]
    rest: list[tuple[str, float]] = [("▁", -12.0), *((letter, -10.0) for letter in LETTERS)]
    return T5Tokenizer(vocab=[*special, *words, *rest], extra_ids=0, model_max_length=LENGTH)


def _transformer(settings: Mapping[str, Any]) -> ModelMixin:
    kind = WanVACETransformer3DModel if "vace_layers" in settings else WanTransformer3DModel
    usual: dict[str, Any] = {
        "num_attention_heads": 2,
        "attention_head_dim": 24,
        "in_channels": CHANNELS,
        "out_channels": CHANNELS,
        "text_dim": WIDTH,
        "freq_dim": 16,
        "ffn_dim": 32,
        "num_layers": 2,
        "rope_max_seq_len": 64,
    }
    network = kind(**{**usual, **settings})
    for name, weight in network.named_parameters():
        if name.endswith(("to_q.weight", "attn2.to_out.0.weight")):  # Sharper, so that a wrong map shows.
            weight.data.mul_(8)
    return network


def _autoencoder(patched: bool) -> AutoencoderKLWan:
    draw = torch.Generator().manual_seed(1)
    settings: dict[str, Any] = {
        "base_dim": 8,
        "z_dim": CHANNELS,
        "dim_mult": [1, 1, 1, 1],
        "num_res_blocks": 1,
        "temperal_downsample": [False, True, True],
        "latents_mean": torch.randn(CHANNELS, generator=draw).tolist(),
        "latents_std": (0.5 + torch.rand(CHANNELS, generator=draw)).tolist(),
    }
    if patched:
        settings |= {"in_channels": 12, "out_channels": 12, "patch_size": 2, "is_residual": True}
        settings |= {"decoder_base_dim": 8, "scale_factor_spatial": 16}
    return AutoencoderKLWan(**settings)


def _text_encoder(entries: int) -> UMT5EncoderModel:
    return UMT5EncoderModel(
        UMT5Config(
            vocab_size=entries,
            d_model=WIDTH,
            d_kv=8,
            d_ff=32,
            num_layers=2,
            num_heads=2,
            is_encoder_decoder=False,
        )
    )


def _image_encoder() -> CLIPVisionModel:
    return CLIPVisionModel(
        CLIPVisionConfig(
            hidden_size=WIDTH,
            intermediate_size=32,
            num_hidden_layers=3,
            num_attention_heads=2,
            image_size=32,
            patch_size=16,
        )
    )
