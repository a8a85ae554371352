"""A random CLIP of a few kilobytes, in transformers' layout."""

import json
from pathlib import Path
from typing import Any

import torch
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

from tests.tiny import BEGIN, END, LENGTH, tiny_tokenizer


def tiny_clip(folder: Path) -> Path:
    """Saves a model that sees 32 pixels in patches of 8."""
    vocabulary = json.loads((tiny_tokenizer(folder) / "vocab.json").read_text())
    size: dict[str, Any] = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    text = CLIPTextConfig(
        vocab_size=len(vocabulary),
        max_position_embeddings=LENGTH,
        bos_token_id=vocabulary[BEGIN],
        eos_token_id=vocabulary[END],
        pad_token_id=vocabulary[END],
        **size,
    )
    vision = CLIPVisionConfig(image_size=32, patch_size=8, **size)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = CLIPModel(
            CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=12)
        )
    model.save_pretrained(folder)
    preprocessor = {
        "image_processor_type": "CLIPImageProcessor",
        "size": {"shortest_edge": 32},
        "crop_size": {"height": 32, "width": 32},
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        "resample": 3,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return folder
