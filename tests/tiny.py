"""Random models of half a megabyte in the layout of published ones, made in a fraction of a second."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    ControlNetModel,
    DDIMScheduler,
    ModelMixin,
    UNet2DConditionModel,
)
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from tests.tiny_video import tiny_svd
from tests.tiny_wan import TINY_WANS

if TYPE_CHECKING:  # Whoever makes models for other libraries needs none of this one.
    from rescene.backbones import Branch, StableDiffusion, Text
    from rescene.sampling import Step
    from rescene.typing import Latents

SENTENCE = "a watercolor painting of the silver jeep on red road in beach with car cat dog driving"
"""Its words are one token each; all others are spelled letter by letter."""
LENGTH = 24
"""Tokens that the text encoder reads, begin and end included."""
BEGIN, END = "<|startoftext|>", "<|endoftext|>"
TEXT_WIDTH = 16
LATENT_CHANNELS = {"kl": 4, "tiny": 16}


def tiny_sd(
    folder: Path,
    *,
    prediction_type: str = "epsilon",
    seed: int = 0,
    text_prefix: bool = False,
    vae: Literal["kl", "tiny"] = "kl",
) -> Path:
    """Saves a random Stable Diffusion: 8 pixels a latent, a stride of 64 pixels, 64-pixel squares by birth.

    Args:
        folder: Where to; it is made.
        prediction_type: `epsilon` or `v_prediction`.
        seed: Other seeds give other weights.
        text_prefix: Write the text encoder's keys with the prefix `text_model.`, as published models do.
        vae: `kl` has 4 latent channels and a distribution, `tiny` 16 and neither.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        encoder = _autoencoder(vae)
        _unet(LATENT_CHANNELS[vae]).save_pretrained(folder / "unet")
        encoder.save_pretrained(folder / "vae")
        _text_encoder(folder / "tokenizer").save_pretrained(folder / "text_encoder")
    _scheduler(prediction_type).save_pretrained(folder / "scheduler")
    if text_prefix:
        weights = folder / "text_encoder" / "model.safetensors"
        prefixed = {
            f"text_model.{name.removeprefix('text_model.')}": w for name, w in load_file(weights).items()
        }
        save_file(prefixed, weights, {"format": "pt"})
    index = {
        "_class_name": "StableDiffusionPipeline",
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", type(encoder).__name__],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def tiny_sdxl(folder: Path) -> Path:
    """Saves a random Stable Diffusion XL: two text encoders, sizes as a condition, deep blocks."""
    tiny_sd(folder)
    vocabulary = json.loads((tiny_tokenizer(folder / "tokenizer_2") / "vocab.json").read_text())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = _text_config(vocabulary)
        CLIPTextModelWithProjection(config).save_pretrained(folder / "text_encoder_2")
        unet = UNet2DConditionModel(**_xl_settings(config.projection_dim or TEXT_WIDTH))
        for name, weight in unet.named_parameters():
            if name.endswith("to_q.weight"):
                weight.data.mul_(8)
        unet.save_pretrained(folder / "unet")
    index = json.loads((folder / "model_index.json").read_text())
    index["_class_name"] = "StableDiffusionXLPipeline"
    index["text_encoder_2"] = ["transformers", "CLIPTextModelWithProjection"]
    index["tokenizer_2"] = ["transformers", "CLIPTokenizer"]
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def tiny_controlnet(folder: Path, unet: Any, *, seed: int = 0) -> Path:
    """Saves a ControlNet for `unet` that has an effect, as untrained ones have none."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 4, 8, 8))
        for name, weight in net.named_parameters():
            if name.startswith(("controlnet_down_blocks", "controlnet_mid_block", "controlnet_cond")):
                weight.data = 0.3 * torch.randn_like(weight)
        net.save_pretrained(folder)
    return folder


def tiny_pix2pix(folder: Path) -> Path:
    """Saves a random InstructPix2Pix: its network reads an image's latents beside its own."""
    return _reading_more(folder, LATENT_CHANNELS["kl"], "StableDiffusionInstructPix2PixPipeline")


def tiny_depth(folder: Path) -> Path:
    """Saves a random depth model: its network reads depth maps beside its latents."""
    return _reading_more(folder, 1, "StableDiffusionDepth2ImgPipeline")


def tiny_dpt(folder: Path) -> Path:
    """Saves a random network that estimates depth."""
    from transformers import DPTConfig, DPTForDepthEstimation
    from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = DPTConfig(
            hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=16, image_size=32,
            patch_size=8, is_hybrid=False, backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 8, 8],
            fusion_hidden_size=8, reassemble_factors=[4, 2, 1, 0.5], use_auxiliary_head=False,
        )  # fmt: skip
        network = DPTForDepthEstimation(config)
        # Above the final ReLU, so that there is something to see.
        network.head.get_parameter("head.4.bias").data.fill_(1)
        for weight in network.parameters():
            if weight.ndim > 1:
                weight.data.mul_(8)
        network.save_pretrained(folder)
    DPTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


TINY: dict[str, Callable[[Path], Path]] = {
    "sd": tiny_sd,
    "sd-v": partial(tiny_sd, prediction_type="v_prediction"),
    "sdxl": tiny_sdxl,
    "instruct-pix2pix": tiny_pix2pix,
    "depth": tiny_depth,
    "svd": tiny_svd,
    **TINY_WANS,
}
"""A model of every kind: each saves it in a folder and returns that."""


def loaded_sd(folder: Path, **options: Any) -> "StableDiffusion":
    """A tiny Stable Diffusion, loaded."""
    from rescene import StableDiffusion, load

    model = load(folder, device="cpu", **options)
    assert isinstance(model, StableDiffusion)
    return model


def branch(z: "Latents", step: "Step", text: "Text", *, beside: "Latents | None" = None) -> "Branch":
    """A branch of a model that reads prompts."""
    from rescene.backbones import Branch, Condition

    return Branch(z, step, Condition(text=text, beside=beside))


def _reading_more(folder: Path, channels: int, pipeline: str) -> Path:
    tiny_sd(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        reads = LATENT_CHANNELS["kl"] + channels
        _unet(LATENT_CHANNELS["kl"], reads=reads).save_pretrained(folder / "unet")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "_class_name": pipeline}))
    return folder


def tiny_tokenizer(folder: Path) -> Path:
    """Saves a CLIP tokenizer as published ones are: `vocab.json` and `merges.txt`."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789,.-'"
    merges: list[tuple[str, str]] = []
    for word in sorted(SENTENCE.split(), key=len):
        pieces = [*word[:-1], f"{word[-1]}</w>"]
        while len(pieces) > 1:
            pair = pieces[0], pieces[1]
            merges += [pair] if pair not in merges else []
            pieces[:2] = ["".join(pair)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *map("".join, merges), BEGIN, END]
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *map(" ".join, merges)]))
    settings: dict[str, Any] = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": LENGTH,
        "bos_token": BEGIN,
        "eos_token": END,
        "pad_token": END,
        "unk_token": END,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def _unet(channels: int, *, reads: int | None = None) -> ModelMixin:
    settings: dict[str, Any] = {
        "sample_size": 8,
        "in_channels": reads or channels,
        "out_channels": channels,
        "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
        "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
        "block_out_channels": [8, 8, 16, 16],
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "cross_attention_dim": TEXT_WIDTH,
        "attention_head_dim": 2,
    }
    unet = UNet2DConditionModel(**settings)
    for name, weight in unet.named_parameters():
        if name.endswith("to_q.weight"):  # Sharper attention, so that a wrong map shows.
            weight.data.mul_(8)
    return unet


def _xl_settings(summary: int) -> dict[str, Any]:
    """Of a UNet that reads a prompt's summary, which is so wide, and six numbers about sizes."""
    return {
        "sample_size": 8,
        "down_block_types": ["DownBlock2D"] + ["CrossAttnDownBlock2D"] * 2,
        "up_block_types": ["CrossAttnUpBlock2D"] * 2 + ["UpBlock2D"],
        "block_out_channels": [8, 16, 16],
        "layers_per_block": 1,
        "transformer_layers_per_block": [1, 1, 2],
        "norm_num_groups": 4,
        "attention_head_dim": 2,
        "use_linear_projection": True,
        "cross_attention_dim": 2 * TEXT_WIDTH,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 4,
        "projection_class_embeddings_input_dim": 6 * 4 + summary,
    }


def _autoencoder(kind: Literal["kl", "tiny"]) -> ModelMixin:
    if kind == "tiny":
        blocks: dict[str, Any] = {f"{part}_block_out_channels": [8] * 4 for part in ("encoder", "decoder")}
        counts: dict[str, Any] = {f"num_{part}_blocks": [1] * 4 for part in ("encoder", "decoder")}
        return AutoencoderTiny(latent_channels=LATENT_CHANNELS[kind], **blocks, **counts)
    settings: dict[str, Any] = {
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
        "block_out_channels": [4, 4, 8, 8],
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "latent_channels": LATENT_CHANNELS[kind],
        "sample_size": 64,
    }
    return AutoencoderKL(**settings)


def _text_encoder(tokenizer: Path) -> CLIPTextModel:
    return CLIPTextModel(_text_config(json.loads((tiny_tokenizer(tokenizer) / "vocab.json").read_text())))


def _text_config(vocabulary: dict[str, int]) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(vocabulary),
        hidden_size=TEXT_WIDTH,
        projection_dim=TEXT_WIDTH,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=LENGTH,
        bos_token_id=vocabulary[BEGIN],
        eos_token_id=vocabulary[END],
        pad_token_id=vocabulary[END],
    )


def _scheduler(prediction_type: str) -> DDIMScheduler:
    settings: dict[str, Any] = {
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "clip_sample": False,
        "set_alpha_to_one": False,
        "steps_offset": 1,
        "prediction_type": prediction_type,
    }
    return DDIMScheduler(**settings)
