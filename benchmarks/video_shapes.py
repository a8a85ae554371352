"""Stable Video Diffusion's shape with random weights: it costs what the real one costs."""

import torch
from diffusers import AutoencoderKLTemporalDecoder, EulerDiscreteScheduler, UNetSpatioTemporalConditionModel
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from rescene.backbones import StableVideo


def svd_shaped(dtype: torch.dtype, device: str) -> StableVideo:
    """1.5 billion parameters in the UNet, 14 frames at once, CLIP ViT-H."""
    torch.manual_seed(0)
    torch.set_default_dtype(dtype)
    try:
        unet = UNetSpatioTemporalConditionModel(num_frames=14, sample_size=96)
        vae = AutoencoderKLTemporalDecoder(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            layers_per_block=2,
            sample_size=768,
        )
        encoder = CLIPVisionModelWithProjection(
            CLIPVisionConfig(
                hidden_size=1280,
                intermediate_size=5120,
                num_hidden_layers=32,
                num_attention_heads=16,
                patch_size=14,
                projection_dim=1024,
            )
        )
    finally:
        torch.set_default_dtype(torch.float32)
    scheduler = EulerDiscreteScheduler(
        sigma_min=0.002, sigma_max=700.0, prediction_type="v_prediction", timestep_type="continuous",
        use_karras_sigmas=True,
    )  # fmt: skip
    parts = {"unet": unet, "vae": vae, "image_encoder": encoder, "scheduler": scheduler}
    return StableVideo(parts, device=device)
