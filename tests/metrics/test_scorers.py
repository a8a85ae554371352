"""CLIP: how it sees pictures, and what it says when it isn't there."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPModel

from rescene.metrics import CLIP, Prompts, Tools, evaluate
from rescene.metrics.scorers import square_at_bottom


@pytest.fixture(scope="module")
def network(clip_folder):
    return CLIP.load(clip_folder)


def as_published(folder, pixels: np.ndarray) -> torch.Tensor:
    """OpenAI's preprocessing, by PIL, and the network's own features."""
    image = Image.fromarray(pixels)
    scale = 32 / min(image.size)
    image = image.resize((int(image.width * scale), int(image.height * scale)), Image.Resampling.BICUBIC)
    left, top = (image.width - 32) // 2, (image.height - 32) // 2
    values = torch.from_numpy(np.array(image.crop((left, top, left + 32, top + 32)))).float() / 255
    mean, std = (
        torch.tensor([0.48145466, 0.4578275, 0.40821073]),
        torch.tensor([0.26862954, 0.26130258, 0.27577711]),
    )
    model = CLIPModel.from_pretrained(folder)
    with torch.no_grad():
        feature: Any = model.get_image_features(((values - mean) / std).permute(2, 0, 1)[None])
    return torch.nn.functional.normalize(feature.pooler_output[0], dim=0)


def test_pictures_are_reduced_as_the_published_model_does(network, clip_folder, clip):
    frame = (clip.frames[0] * 255).round() / 255
    pixels = (frame * 255).to(torch.uint8).permute(1, 2, 0).numpy()
    assert torch.allclose(network.image(frame, "centre"), as_published(clip_folder, pixels), atol=1e-5)


def test_a_tall_picture_is_cut_to_the_square_at_its_bottom(network):
    tall = torch.rand(3, 60, 32)
    assert torch.equal(square_at_bottom(tall), tall[:, 28:])
    assert torch.equal(network.image(tall, "bottom"), network.image(tall[:, 28:], "centre"))
    assert torch.equal(square_at_bottom(tall[:, :20]), tall[:, :20])


def test_features_have_length_1(network):
    assert network.text("a red car").norm() == pytest.approx(1)
    assert network.image(torch.rand(3, 20, 30), "centre").norm() == pytest.approx(1)


def test_its_name_stands_beside_its_numbers(network, clip, clip_folder):
    prompts = Prompts(source="a red car", target="a silver jeep")
    report = evaluate(clip, clip, prompts=prompts, tools=Tools(scorer=network), metrics=["clip_text"])
    assert report.scores[0].how == str(clip_folder)


def test_too_long_a_prompt_leaves_out_what_needs_it(network, clip):
    prompts = Prompts(source="a red car", target="car " * 40)
    report = evaluate(
        clip,
        clip,
        prompts=prompts,
        tools=Tools(scorer=network),
        metrics=["clip_text", "temporal_consistency"],
    )
    assert "42 tokens" in report.left_out["clip_text"]
    assert report["temporal_consistency"] < 1.0001


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        CLIP.load(tmp_path / "nowhere")


def test_a_checkpoint_without_all_weights_is_refused(clip_folder, tmp_path):
    import shutil

    from safetensors.torch import load_file, save_file

    broken = tmp_path / "broken"
    shutil.copytree(clip_folder, broken)
    weights = load_file(broken / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    with pytest.raises(FileNotFoundError, match="visual_projection"):
        CLIP.load(broken)
