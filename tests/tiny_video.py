"""A random Stable Video Diffusion of a few megabytes in the layout of published ones."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoencoderKLTemporalDecoder, EulerDiscreteScheduler, UNetSpatioTemporalConditionModel
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

if TYPE_CHECKING:
    from rescene import StableVideo

FRAMES = 14
WIDTH = 32


def tiny_svd(folder: Path, *, seed: int = 0, channels: int = 32) -> Path:
    """Saves it: 8 pixels a latent, a stride of 16 pixels, 64-pixel squares by birth, 14 frames at once.

    Args:
        folder: Where to; it is made.
        seed: Other seeds give other weights.
        channels: Of the first of two levels, the second has twice as many; a multiple of 32.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        _unet(channels).save_pretrained(folder / "unet")
        _autoencoder().save_pretrained(folder / "vae")
        _image_encoder().save_pretrained(folder / "image_encoder")
    EulerDiscreteScheduler(
        sigma_min=0.002,
        sigma_max=700.0,
        prediction_type="v_prediction",
        timestep_type="continuous",
        timestep_spacing="leading",
        use_karras_sigmas=True,
        interpolation_type="linear",
        steps_offset=1,
    ).save_pretrained(folder / "scheduler")
    index = {
        "_class_name": "StableVideoDiffusionPipeline",
        "image_encoder": ["transformers", "CLIPVisionModelWithProjection"],
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
        "unet": ["diffusers", "UNetSpatioTemporalConditionModel"],
        "vae": ["diffusers", "AutoencoderKLTemporalDecoder"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def loaded_svd(folder: Path, **options: Any) -> "StableVideo":
    """A tiny Stable Video Diffusion, loaded."""
    from rescene import StableVideo, load

    model = load(folder, device="cpu", **options)
    assert isinstance(model, StableVideo)
    return model


def _unet(channels: int) -> UNetSpatioTemporalConditionModel:
    unet = UNetSpatioTemporalConditionModel(
        sample_size=8,
        # Norms over very few numbers would turn rounding errors into results.
        block_out_channels=(channels, 2 * channels),
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=24,
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        num_attention_heads=(2, 2),
        num_frames=FRAMES,
    )
    for name, weight in unet.named_parameters():
        if name.endswith("to_q.weight"):  # Sharper attention, so that a wrong map shows.
            weight.data.mul_(8)
    return unet


def _autoencoder() -> AutoencoderKLTemporalDecoder:
    # diffusers takes its tuples to be of one element.
    blocks: dict[str, Any] = {
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "block_out_channels": (32, 32, 32, 32),
    }
    return AutoencoderKLTemporalDecoder(**blocks, layers_per_block=1, latent_channels=4, sample_size=64)


def _image_encoder() -> CLIPVisionModelWithProjection:
    return CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=WIDTH,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            image_size=32,
            patch_size=16,
            projection_dim=WIDTH,
        )
    )
