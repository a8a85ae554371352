"""LoRAs of Wan, merged into the weights."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from rescene import Wan
from tests.tiny_wan import TINY_WANS, loaded_wan

LAYER = "blocks.0.attn1.to_q"
DOWN, UP = (torch.randn(*shape, generator=torch.Generator().manual_seed(0)) for shape in ((2, 48), (48, 2)))


@pytest.fixture(scope="module", params=["wan", "wan-i2v", "wan-vace"])
def folder(request, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return TINY_WANS[request.param](tmp_path_factory.mktemp("models") / request.param)


def saved(path: Path, layer: str = LAYER, *, original: bool = False) -> Path:
    if original:
        layer = layer.replace("attn1.to_q", "self_attn.q")
    prefix = "diffusion_model." if original else "transformer."
    save_file({f"{prefix}{layer}.lora_A.weight": DOWN, f"{prefix}{layer}.lora_B.weight": UP}, path)
    return path


def changed(before: Wan, after: Wan) -> dict[str, Tensor]:
    """What was added to the weights that differ, by network and name."""
    found: dict[str, Tensor] = {}
    for number, (old, new) in enumerate(zip(before._networks, after._networks, strict=True)):
        assert old.state_dict().keys() == new.state_dict().keys()
        for name, weight in old.state_dict().items():
            if not torch.equal(weight, new.state_dict()[name]):
                found[f"{number}.{name}"] = new.state_dict()[name] - weight
    return found


@pytest.mark.parametrize("original", [False, True])
def test_its_product_is_added_times_its_weight(folder, tmp_path, original):
    path = saved(tmp_path / "lora.safetensors", original=original)
    found = changed(loaded_wan(folder), loaded_wan(folder, loras={str(path): 0.5}))
    assert list(found) == [f"0.{LAYER}.weight"]
    torch.testing.assert_close(found[f"0.{LAYER}.weight"], 0.5 * UP @ DOWN)


@pytest.mark.parametrize(
    ("name", "networks"), [("style", [0, 1]), ("style_high_noise", [0]), ("Style-LowNoise", [1])]
)
def test_of_two_networks_a_lora_is_for_those_that_its_name_says(tmp_path, name, networks):
    folder = TINY_WANS["wan-a14b"](tmp_path / "model")
    path = saved(tmp_path / f"{name}.safetensors")
    found = changed(loaded_wan(folder), loaded_wan(folder, loras={str(path): 1.0}))
    assert list(found) == [f"{number}.{LAYER}.weight" for number in networks]
    for added in found.values():
        torch.testing.assert_close(added, UP @ DOWN)


def test_one_that_is_for_another_model_is_refused(tmp_path):
    folder = TINY_WANS["wan"](tmp_path / "model")
    with pytest.raises(ValueError, match=r"0 of the 1 layers|doesn't fit this model"):
        loaded_wan(folder, loras={str(saved(tmp_path / "a.safetensors", "blocks.9.attn1.to_q")): 1.0})
