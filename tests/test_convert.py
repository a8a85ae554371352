"""Folders that Tune-A-Video and FateZero saved."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from rescene import StableDiffusion
from rescene.backbones.changes import Adapter
from rescene.convert import convert
from tests.backbones.test_one_shot import ABOUT, predict

PUBLISHED = {
    "tune-a-video": ("attn_temp", "norm_temp"),
    "fatezero": ("attn_temporal", "norm_temporal"),
}


def published(name: str, kind: str) -> str:
    """One of our names as a release has it."""
    attention, norm = PUBLISHED[kind]
    name = name.replace(".temporal_attention.norm.", f".{norm}.")
    name = re.sub(r"\.temporal_attention\.to_out\.", f".{attention}.to_out.0.", name)
    name = name.replace(".temporal_attention.", f".{attention}.")
    return name.replace(".temporal_convolution.full.", ".conv_temporal.").replace(
        ".temporal_convolution.", ".conv_temporal."
    )


def saved(
    model: StableDiffusion, adapter: Adapter, folder: Path, kind: str, *, suffix: str, config: Any = None
) -> Path:
    """Writes the folder that a release would have left of `adapter`."""
    own: dict[str, Tensor] = {**model.unet.state_dict(), **adapter.replaced}
    for block, layer in adapter.layers.after().items():
        part = "temporal_attention" if hasattr(layer, "norm") else "temporal_convolution"
        own |= {f"{block}.{part}.{name}": weight for name, weight in layer.state_dict().items()}
    tensors = {published(name, kind): weight.detach().clone() for name, weight in own.items()}
    (folder / "unet").mkdir(parents=True)
    path = folder / "unet" / f"diffusion_pytorch_model{suffix}"
    if suffix == ".bin":
        torch.save(tensors, path)
    else:
        save_file(tensors, path)
    (folder / "unet" / "config.json").write_text(json.dumps(config or {}))
    return folder


def trained(model: StableDiffusion, *, convolutions: bool, rank: int | None) -> Adapter:
    """As after a training, norms included."""
    adapter = Adapter.fresh(model, ABOUT, convolutions=convolutions, rank=rank)
    draw = torch.Generator().manual_seed(1)
    for weight in (*adapter.replaced.values(), *adapter.layers.parameters()):
        weight.data += 0.1 * torch.randn(weight.shape, generator=draw)
    adapter.freeze()
    return adapter


@pytest.mark.parametrize(
    ("kind", "convolutions", "rank", "suffix"),
    [
        ("tune-a-video", False, None, ".bin"),
        ("fatezero", True, 4, ".bin"),
        ("fatezero", True, None, ".safetensors"),
    ],
)
def test_a_published_folder_becomes_an_adapter_that_predicts_the_same(
    model: StableDiffusion, tmp_path: Path, kind: str, convolutions: bool, rank: int | None, suffix: str
) -> None:
    adapter = trained(model, convolutions=convolutions, rank=rank)
    with model.changed(adapter):
        wanted = predict(model)
    folder = saved(model, adapter, tmp_path / "folder", kind, suffix=suffix)
    about = convert(folder, tmp_path / "a.safetensors", prompt="a jeep")
    assert (about.prompt, about.frame_keys, about.base) == ("a jeep", ("previous", "first"), None)
    with model.changed(Adapter.load(tmp_path / "a.safetensors", model)):
        assert torch.equal(predict(model), wanted)
    assert (tmp_path / "a.safetensors").stat().st_size < sum(
        file.stat().st_size for file in folder.rglob("*")
    )


def test_the_frames_that_fatezero_notes_are_kept(model: StableDiffusion, tmp_path: Path) -> None:
    adapter = trained(model, convolutions=False, rank=None)
    config = {"SparseCausalAttention_index": ["mid", -1], "least_sc_channel": 0}
    folder = saved(model, adapter, tmp_path / "a", "fatezero", suffix=".bin", config=config)
    assert convert(folder, tmp_path / "a.safetensors", prompt="").frame_keys == ("middle", -1)
    config["least_sc_channel"] = 640
    folder = saved(model, adapter, tmp_path / "b", "fatezero", suffix=".bin", config=config)
    with pytest.raises(ValueError, match="least_sc_channel"):
        convert(folder, tmp_path / "b.safetensors", prompt="")


def test_other_folders_are_refused(tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="image model"):
        convert(tiny_folder, tmp_path / "a.safetensors", prompt="")
    with pytest.raises(FileNotFoundError, match="no UNet"):
        convert(tmp_path, tmp_path / "a.safetensors", prompt="")
    assert not (tmp_path / "a.safetensors").exists()


def test_pickles_arent_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"x": Bomb()}, tmp_path / "diffusion_pytorch_model.bin")
    with pytest.raises(ValueError, match="more than weights"):
        convert(tmp_path, tmp_path / "a.safetensors", prompt="")
    assert not (tmp_path / "ran").exists()
