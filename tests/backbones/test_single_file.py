"""Checkpoints in the original one-file layout."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from rescene import StableDiffusion, load
from rescene.backbones import outline
from tests.ldm import single_file
from tests.tiny import loaded_sd

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture
def file(tiny_folder: Path, tmp_path: Path) -> Path:
    return single_file(tiny_folder, tmp_path / "one.safetensors")


@pytest.fixture
def config(tiny_folder: Path, tmp_path: Path) -> Path:
    """The model's folder without its weights, beside the file."""
    weights = shutil.ignore_patterns("*.safetensors")
    return Path(shutil.copytree(tiny_folder, tmp_path / "one", ignore=weights))


@pytest.mark.usefixtures("config")
def test_it_holds_the_same_model(model: StableDiffusion, file: Path) -> None:
    loaded = loaded_sd(file)
    assert loaded.identity() == model.identity()
    assert torch.equal(loaded.text("a red jeep").states, model.text("a red jeep").states)
    assert loaded.schedule(4) == model.schedule(4)
    assert outline(file, dtype=torch.float32).weight_bytes() == model.weight_bytes()


def test_without_its_configuration_the_error_says_where_to_put_one(file: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"tokenizer and sizes.*into the folder .*one: .*without weights"
    ):
        load(file, device="cpu")


def test_a_configuration_must_be_whole(file: Path, config: Path) -> None:
    shutil.rmtree(config / "tokenizer")
    with pytest.raises(FileNotFoundError, match="one has no tokenizer"):
        load(file, device="cpu")


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize(
    "removed",
    [
        "model.diffusion_model.out.2.weight",
        "first_stage_model.decoder.conv_out.bias",
        "cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.weight",
        "cond_stage_model",
    ],
)
def test_missing_weights_are_an_error_and_never_random(file: Path, removed: str) -> None:
    tensors = load_file(file)
    save_file({name: t for name, t in tensors.items() if not name.startswith(removed)}, file)
    with pytest.raises(ValueError, match=r"one\.safetensors lacks weights"):
        load(file, device="cpu")


@pytest.mark.usefixtures("config")
def test_weights_of_another_shape_are_an_error(file: Path) -> None:
    tensors = load_file(file)
    tensors["model.diffusion_model.out.2.weight"] = torch.zeros(4, 9, 3, 3)
    save_file(tensors, file)
    with pytest.raises(ValueError, match=r"doesn't fit its configuration in .*one"):
        load(file, device="cpu")


@pytest.mark.parametrize(
    ("names", "kind"), [(["lora_unet_mid_block.lora_up.weight"], "a LoRA"), (["unet.a"], "something else")]
)
def test_other_files_are_told_apart(tmp_path: Path, names: list[str], kind: str) -> None:
    save_file({name: torch.zeros(1) for name in names}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=f"in the original one-file layout; it is {kind}"):
        load(tmp_path / "other.safetensors", device="cpu")


def test_a_file_that_was_cut_short_is_an_error(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ValueError, match="cut short"):
        load(file, device="cpu")


@pytest.mark.parametrize("suffix", [".ckpt", ".pt", ".bin"])
def test_pickles_are_not_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    torch.save({}, path)
    with pytest.raises(ValueError, match="pickles can run code"):
        load(path, device="cpu")


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load(tmp_path / "missing.safetensors", device="cpu")
