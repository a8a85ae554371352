"""LoRAs merged into the weights."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from rescene import StableDiffusion, load
from rescene.backbones import StableDiffusionXL
from tests.tiny import loaded_sd, tiny_sdxl

UNET = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
TEXT = "encoder.layers.0.self_attn"


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


UNET_DOWN, UNET_UP = random(2, 8, seed=0), random(8, 2, seed=1)
TEXT_DOWN, TEXT_UP = random(2, 16, seed=2), random(16, 2, seed=3)


def saved(folder: Path, tensors: dict[str, Tensor], name: str = "lora.safetensors") -> Path:
    save_file({key: tensor.clone() for key, tensor in tensors.items()}, folder / name)
    return folder / name


def diffusers_layout() -> dict[str, Tensor]:
    return {
        f"unet.{UNET}.lora_A.weight": UNET_DOWN,
        f"unet.{UNET}.lora_B.weight": UNET_UP,
        f"text_encoder.text_model.{TEXT}.q_proj.lora_A.weight": TEXT_DOWN,
        f"text_encoder.text_model.{TEXT}.q_proj.lora_B.weight": TEXT_UP,
    }


def kohya_layout(alpha: float) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    names = {f"lora_unet_{UNET}": (UNET_DOWN, UNET_UP)}
    for part in ("q_proj", "out_proj"):
        names[f"lora_te_text_model_{TEXT}.{part}"] = TEXT_DOWN, TEXT_UP
    for name, (down, up) in names.items():
        flat = name.replace(".", "_")
        tensors[f"{flat}.lora_down.weight"], tensors[f"{flat}.lora_up.weight"] = down, up
        tensors[f"{flat}.alpha"] = torch.tensor(alpha)
    return tensors


def networks(model: StableDiffusion) -> list[nn.Module]:
    return list(model._parts.networks)


def changes(before: StableDiffusion, after: StableDiffusion) -> dict[str, Tensor]:
    """What was added to the weights that differ, by name."""
    found: dict[str, Tensor] = {}
    for old_part, new_part in zip(networks(before), networks(after), strict=True):
        old, new = old_part.state_dict(), new_part.state_dict()
        assert old.keys() == new.keys()
        found |= {
            name.removeprefix("text_model."): new[name] - old[name]
            for name in old
            if not torch.equal(old[name], new[name])
        }
    return found


@pytest.mark.parametrize("weight", [1.0, 0.5, -2.0])
def test_its_product_is_added_times_its_weight(
    model: StableDiffusion, tiny_folder: Path, tmp_path: Path, weight: float
) -> None:
    path = saved(tmp_path, diffusers_layout())
    found = changes(model, loaded_sd(tiny_folder, loras={str(path): weight}))
    assert found.keys() == {f"{UNET}.weight", f"{TEXT}.q_proj.weight"}
    torch.testing.assert_close(found[f"{UNET}.weight"], weight * UNET_UP @ UNET_DOWN, rtol=1e-5, atol=1e-5)
    text = weight * TEXT_UP @ TEXT_DOWN
    torch.testing.assert_close(found[f"{TEXT}.q_proj.weight"], text, rtol=1e-5, atol=1e-5)


def test_a_weight_of_zero_changes_nothing(model: StableDiffusion, tiny_folder: Path, tmp_path: Path) -> None:
    path = saved(tmp_path, diffusers_layout())
    assert loaded_sd(tiny_folder, loras={str(path): 0.0}).identity() == model.identity()


def test_the_layout_of_other_trainers_and_its_alpha_are_understood(
    model: StableDiffusion, tiny_folder: Path, tmp_path: Path
) -> None:
    path = saved(tmp_path, kohya_layout(alpha=1.0))  # Half strength, as the rank is two.
    found = changes(model, loaded_sd(tiny_folder, loras={str(path): 1.0}))
    assert len(found) == 3
    torch.testing.assert_close(found[f"{UNET}.weight"], UNET_UP @ UNET_DOWN / 2, rtol=1e-5, atol=1e-5)
    for part in ("q_proj", "out_proj"):
        text = TEXT_UP @ TEXT_DOWN / 2
        torch.testing.assert_close(found[f"{TEXT}.{part}.weight"], text, rtol=1e-5, atol=1e-5)


def test_several_are_added_up_and_a_folder_will_do(
    model: StableDiffusion, tiny_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    saved(folder, diffusers_layout(), "pytorch_lora_weights.safetensors")
    loras = {str(folder): 1.0, str(saved(tmp_path, kohya_layout(alpha=2.0))): 0.5}
    found = changes(model, loaded_sd(tiny_folder, loras=loras))
    torch.testing.assert_close(found[f"{UNET}.weight"], 1.5 * UNET_UP @ UNET_DOWN, rtol=1e-5, atol=1e-5)


def test_those_of_xl_reach_both_text_encoders(tmp_path: Path) -> None:
    folder, layer = tiny_sdxl(tmp_path / "sdxl"), UNET.replace("down_blocks.0", "down_blocks.1")
    down, up = random(2, 16, seed=0), random(16, 2, seed=1)
    tensors = {f"unet.{layer}.lora_A.weight": down, f"unet.{layer}.lora_B.weight": up}
    for number, part in enumerate(("text_encoder", "text_encoder_2"), 2):
        tensors[f"{part}.text_model.{TEXT}.q_proj.lora_A.weight"] = random(2, 16, seed=number)
        tensors[f"{part}.text_model.{TEXT}.q_proj.lora_B.weight"] = random(16, 2, seed=10 * number)
    path = saved(tmp_path, tensors)
    before = load(folder, device="cpu")
    after = load(folder, device="cpu", loras={str(path): 0.5})
    assert isinstance(before, StableDiffusionXL) and isinstance(after, StableDiffusionXL)
    found = changes(before, after)
    assert found.keys() == {f"{layer}.weight", f"{TEXT}.q_proj.weight"}
    torch.testing.assert_close(found[f"{layer}.weight"], up @ down / 2, rtol=1e-5, atol=1e-5)
    for number in (2, 3):
        old, new = (dict(networks(model)[number - 1].named_parameters()) for model in (before, after))
        name = next(name for name in old if name.endswith(f"{TEXT}.q_proj.weight"))
        wanted = random(16, 2, seed=10 * number) @ random(2, 16, seed=number) / 2
        torch.testing.assert_close(new[name] - old[name], wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore:The following .*_pattern keys:RuntimeWarning")  # peft's own.
@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({}, "doesn't fit this model.*nowhere"),
        (diffusers_layout(), "has 2 of the 3 layers"),
        ({f"unet.{UNET}.lora_A.weight": random(2, 9, seed=0)}, "doesn't fit this model.*size mismatch"),
    ],
    ids=["nothing fits", "some fits", "wrong shape"],
)
def test_one_for_another_kind_of_model_is_refused(
    tiny_folder: Path, tmp_path: Path, extra: dict[str, Tensor], message: str
) -> None:
    foreign = {f"unet.nowhere.lora_{kind}.weight": UNET_DOWN.clone() for kind in "AB"}
    if "mismatch" in message:
        foreign = {f"unet.{UNET}.lora_B.weight": UNET_UP}
    path = saved(tmp_path, {**foreign, **extra})
    with pytest.raises(ValueError, match=f"(?s){message}"):
        load(tiny_folder, device="cpu", loras={str(path): 1.0})


@pytest.mark.parametrize("path", ["missing.safetensors", "./missing", "/nowhere/lora", "lora"])
def test_a_missing_one_is_an_error(tiny_folder: Path, path: str) -> None:
    with pytest.raises(FileNotFoundError, match=f"there is no LoRA {path}"):
        load(tiny_folder, device="cpu", loras={path: 1.0})


def test_a_hub_id_that_cannot_be_fetched_says_so(tiny_folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match="the LoRA someone/style can't be read"):
        load(tiny_folder, device="cpu", loras={"someone/style": 1.0})


def test_pickles_are_not_read(tiny_folder: Path, tmp_path: Path) -> None:
    torch.save(diffusers_layout(), tmp_path / "lora.bin")
    with pytest.raises(ValueError, match="pickles can run code"):
        load(tiny_folder, device="cpu", loras={str(tmp_path / "lora.bin"): 1.0})


def test_video_models_take_none(svd_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no LoRA can be merged into a Stable Video Diffusion.*motion_lora"):
        load(svd_folder, device="cpu", loras={str(saved(tmp_path, diffusers_layout())): 1.0})


@pytest.mark.parametrize("prefix", ["base_model.model.", "base_model.model.unet."])
def test_the_layout_of_peft_is_understood(
    model: StableDiffusion, tiny_folder: Path, tmp_path: Path, prefix: str
) -> None:
    tensors = {
        f"{prefix}{UNET}.lora_A.weight": UNET_DOWN,
        f"{prefix}{UNET}.lora_B.weight": UNET_UP,
    }
    found = changes(model, loaded_sd(tiny_folder, loras={str(saved(tmp_path, tensors)): 1.0}))
    torch.testing.assert_close(found[f"{UNET}.weight"], UNET_UP @ UNET_DOWN, rtol=1e-5, atol=1e-5)


def test_one_of_the_text_encoder_alone_is_understood(
    model: StableDiffusion, tiny_folder: Path, tmp_path: Path
) -> None:
    tensors = {name: each for name, each in diffusers_layout().items() if name.startswith("text_encoder")}
    found = changes(model, loaded_sd(tiny_folder, loras={str(saved(tmp_path, tensors)): 1.0}))
    assert found.keys() == {f"{TEXT}.q_proj.weight"}


OTHER_KINDS = {
    "a LoHa": {"lora_unet_mid.hada_w1_a": torch.zeros(2, 2), "lora_unet_mid.hada_w1_b": torch.zeros(2, 2)},
    "a LoKr": {"lora_unet_mid.lokr_w1": torch.zeros(2, 2), "lora_unet_mid.lokr_w2": torch.zeros(2, 2)},
    "an IA3": {
        "base_model.model.mid.ia3_l": torch.zeros(2, 1),
        "base_model.model.up.ia3_l": torch.zeros(2, 1),
    },
    "an embedding": {"emb_params": torch.zeros(2, 8)},
    r"an embedding \(textual": {"<cat>": torch.zeros(8)},
    "holds no weights": {},
    "lacks a factor": {f"unet.{UNET}.lora_A.weight": torch.ones(2, 8)},
    "holds NaN": {
        f"unet.{UNET}.lora_A.weight": torch.full((2, 8), torch.nan),
        f"unet.{UNET}.lora_B.weight": UNET_UP,
    },
    "is empty": {
        f"unet.{UNET}.lora_A.weight": torch.zeros(0, 8),
        f"unet.{UNET}.lora_B.weight": torch.zeros(8, 0),
    },
}


@pytest.mark.parametrize("says", OTHER_KINDS)
def test_other_kinds_and_damage_are_named_in_a_line(tiny_folder: Path, tmp_path: Path, says: str) -> None:
    path = saved(tmp_path, OTHER_KINDS[says])
    with pytest.raises(ValueError, match=says) as told:
        load(tiny_folder, device="cpu", loras={str(path): 1.0})
    assert "\n" not in str(told.value) and len(str(told.value)) < 500


@pytest.mark.parametrize("content", [b"", b"\x10" + bytes(7) + b"{", b"\xff" * 64, bytes(8)])
def test_a_file_that_is_cut_is_named(tiny_folder: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=r"isn't a safetensors file, or was cut short|holds no weights"):
        load(tiny_folder, device="cpu", loras={str(tmp_path / "a.safetensors"): 1.0})
