"""The networks of `mini-video`: Wan's own classes, small; and its folder's files beside their weights."""

import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent / "mini"))  # captions, checkpoint, places

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from torch import Tensor, nn
from transformers import UMT5Config, UMT5EncoderModel

FRAMES, SIZE = 17, 128
"""Of a clip; 5 latent frames of 16 by 16."""
CHANNELS, LATENT_FRAMES, LATENT_SIZE = 16, 5, 16
TEXT_WIDTH = 192
SHIFT = 3.0
SCHEDULER: dict[str, Any] = {
    "_class_name": "UniPCMultistepScheduler",
    "_diffusers_version": "0.42.1",
    "num_train_timesteps": 1000,
    "prediction_type": "flow_prediction",
    "use_flow_sigmas": True,
    "flow_shift": SHIFT,
    "solver_order": 2,
    "solver_type": "bh2",
}
INDEX: dict[str, Any] = {
    "_class_name": "WanPipeline",
    "_diffusers_version": "0.42.1",
    "boundary_ratio": None,
    "expand_timesteps": True,
    "scheduler": ["diffusers", "UniPCMultistepScheduler"],
    "text_encoder": ["transformers", "UMT5EncoderModel"],
    "tokenizer": ["transformers", "T5TokenizerFast"],
    "transformer": ["diffusers", "WanTransformer3DModel"],
    "transformer_2": [None, None],
    "vae": ["diffusers", "AutoencoderKLWan"],
}


def autoencoder(mean: list[float] | None = None, std: list[float] | None = None) -> AutoencoderKLWan:
    """4.2 million weights; 17 frames of 128 pixels become 5 of 16, with 16 channels."""
    return AutoencoderKLWan(
        base_dim=24,
        dim_mult=[1, 2, 4],
        num_res_blocks=1,
        z_dim=CHANNELS,
        temperal_downsample=[True, True],
        patch_size=2,
        in_channels=12,
        out_channels=12,
        scale_factor_spatial=8,
        scale_factor_temporal=4,
        latents_mean=mean or [0.0] * CHANNELS,
        latents_std=std or [1.0] * CHANNELS,
    )


@torch.no_grad()
def inflated(model: AutoencoderKLWan) -> AutoencoderKLWan:
    """As an autoencoder of single frames: of each kernel only the last tap in time, all that a still meets.

    Pairs of frames are averaged and doubled again; little noise is added to the latents at first.
    """
    for name, module in model.named_modules():
        if not isinstance(module, nn.Conv3d) or module.kernel_size[0] == 1:
            continue
        weight = module.weight
        if name.endswith("time_conv"):
            both = module.stride[0] == 2
            eye = torch.eye(weight.shape[1]).repeat(weight.shape[0] // weight.shape[1], 1)
            weight.zero_()
            for tap in (1, 2) if both else (2,):
                weight[:, :, tap, 0, 0] = eye / (2 if both else 1)
            nn.init.zeros_(module.bias)
        else:
            weight[:, :, :-1] = 0
            weight[:, :, -1] *= 3**0.5
    model.quant_conv.bias[CHANNELS:] = -6.0
    return model


def text_encoder(entries: int) -> UMT5EncoderModel:
    """1.2 million weights, trained along with the transformer."""
    return UMT5EncoderModel(
        UMT5Config(
            vocab_size=entries,
            d_model=TEXT_WIDTH,
            d_kv=48,
            d_ff=384,
            num_layers=3,
            num_heads=4,
            dropout_rate=0.0,
            feed_forward_proj="gated-gelu",
            relative_attention_num_buckets=32,
            relative_attention_max_distance=64,
            tie_word_embeddings=False,
        )
    )


@torch.no_grad()
def transformer(layers: int = 8, heads: int = 4) -> WanTransformer3DModel:
    """9.1 million weights; begins, as Wan's did, with an output of zeros."""
    model = WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=heads,
        attention_head_dim=64,
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        text_dim=TEXT_WIDTH,
        freq_dim=256,
        ffn_dim=4 * 64 * heads,
        num_layers=layers,
        cross_attn_norm=True,
        rope_max_seq_len=1024,
    )
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            if "condition_embedder" in name:
                nn.init.normal_(module.weight, std=0.02)
            else:
                nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    nn.init.xavier_uniform_(model.patch_embedding.weight.view(len(model.patch_embedding.weight), -1))
    nn.init.zeros_(model.proj_out.weight)
    return model


def embedded(text: UMT5EncoderModel, ids: Tensor) -> Tensor:
    """What the transformer is given of token ids [B, L]: zeros after the last token, as in diffusers."""
    known = (ids != 0).long()
    hidden = text(input_ids=ids, attention_mask=known).last_hidden_state
    return hidden * known[..., None].to(hidden)
