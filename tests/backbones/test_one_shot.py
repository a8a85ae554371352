"""Files of adapters: what they hold, and what they go onto."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from rescene import StableDiffusion, StableVideo
from rescene.backbones import outline
from rescene.backbones.changes import Adapter, AdapterHeader, BaseWarning, read_header
from rescene.backbones.changes import one_shot_file as files
from rescene.backbones.changes.one_shot import check
from rescene.backbones.parts import network_hash
from tests.tiny import branch, loaded_sd, tiny_sd

ABOUT = AdapterHeader(prompt="a car", frame_keys=("first", "previous"), frames=3, fps=8, height=64, width=64)


def predict(model: StableDiffusion) -> Tensor:
    z = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    return model.predict(branch(z, model.schedule(4)[1], model.text("a car")))[0].detach()


def scrambled(model: StableDiffusion, *, convolutions: bool = True) -> Adapter:
    """An adapter as after a training."""
    adapter = Adapter.fresh(model, ABOUT, convolutions=convolutions, rank=4)
    draw = torch.Generator().manual_seed(1)
    for weight in adapter.trained().values():
        weight.data += 0.1 * torch.randn(weight.shape, generator=draw).to(weight)
    adapter.freeze()
    return adapter


@pytest.fixture
def file(model: StableDiffusion, tmp_path: Path) -> Path:
    scrambled(model).save(tmp_path / "a.safetensors", steps=7)
    return tmp_path / "a.safetensors"


@pytest.mark.parametrize("convolutions", [True, False])
def test_a_file_gives_the_same_predictions_back(
    model: StableDiffusion, tmp_path: Path, convolutions: bool
) -> None:
    adapter, path = scrambled(model, convolutions=convolutions), tmp_path / "b" / "a.safetensors"
    adapter.save(path, steps=7)
    with model.changed(adapter):
        wanted = predict(model)
    with model.changed(Adapter.load(path, model)):
        assert torch.equal(predict(model), wanted)


def test_it_is_removed_at_the_end_of_its_block_also_on_error(model: StableDiffusion, file: Path) -> None:
    before, stock = dict(model.unet.named_parameters()), predict(model)
    with pytest.raises(KeyboardInterrupt), model.changed(Adapter.load(file, model)):
        assert model.control.altered
        assert not torch.allclose(predict(model), stock, atol=1e-3)
        raise KeyboardInterrupt
    assert all(weight is before[name] for name, weight in model.unet.named_parameters())
    assert torch.equal(predict(model), stock)


def test_the_file_holds_only_what_was_trained_and_names_its_base(model: StableDiffusion, file: Path) -> None:
    with safe_open(file, framework="pt") as tensors:
        names = set(tensors.keys())
    assert names == set(scrambled(model).trained())
    own = dict(model.unet.named_parameters())
    assert all(name.endswith("to_q.weight") for name in names & set(own))
    assert all(".temporal_" in name for name in names - set(own))
    assert read_header(file) == replace(ABOUT, steps=7, base=network_hash(model.unet))


def test_it_goes_onto_any_model_of_its_shape_with_a_warning(file: Path, tmp_path: Path) -> None:
    other = loaded_sd(tiny_sd(tmp_path / "other", seed=1))
    stock = predict(other)
    with pytest.warns(BaseWarning, match="another model"):
        adapter = Adapter.load(file, other)
    with other.changed(adapter):
        assert not torch.allclose(predict(other), stock, atol=1e-3)


def test_it_goes_onto_a_model_in_half_precision(file: Path, tiny_folder: Path) -> None:
    half = loaded_sd(tiny_folder, dtype=torch.float16)
    with half.changed(
        Adapter.load(file, half)
    ):  # No warning: the hash is that of float16, and so is what is added.
        assert {weight.dtype for weight in half.unet.parameters()} == {torch.float16}
        assert predict(half).isfinite().all()


def test_a_model_of_another_shape_is_refused_before_weights_are_read(file: Path, tmp_path: Path) -> None:
    wide = tiny_sd(tmp_path / "wide", vae="tiny")  # Convolutions of 16 channels begin and end it.
    with pytest.raises(ValueError, match=r"another shape: its conv_out\.temporal_convolution.*here it is"):
        check(file, outline(wide, dtype=torch.float32))
    with pytest.raises(ValueError, match="another shape"):
        Adapter.load(file, loaded_sd(wide))


def test_names_that_the_network_lacks_are_refused(model: StableDiffusion, tmp_path: Path) -> None:
    about = json.dumps(
        {"prompt": "", "frame_keys": ["first"], "frames": 1, "fps": 8, "height": 8, "width": 8}
    )
    for name in (
        "nowhere.temporal_attention.to_q.weight",
        "conv_in.temporal_attention.to_q.weight",
        "x.weight",
    ):
        path = tmp_path / "a.safetensors"
        save_file({name: torch.zeros(8, 8)}, path, {"one-shot": about})
        with pytest.raises(ValueError, match="missing"):
            check(path, model)


def test_what_is_no_adapter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="train one-shot"):
        read_header(tmp_path / "no.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "lora.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors", {"one-shot": '{"frame_keys": []}'})
    (tmp_path / "text.safetensors").write_text("no")
    for name in ("lora", "other", "text"):
        with pytest.raises(ValueError, match="isn't an adapter"):
            read_header(tmp_path / f"{name}.safetensors")


def test_a_header_is_read_once(model: StableDiffusion, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(files, "safe_open", lambda path, **how: opened.append(path) or safe_open(path, **how))
    Adapter.load(file, model)
    assert opened == [file]
    assert check(file, model) == read_header(file)


def test_video_models_take_none(svd: StableVideo, file: Path) -> None:
    with pytest.raises(ValueError, match=r"is for Stable Diffusion 1.x or 2.x, and this is Stable Video"):
        Adapter.load(file, svd)
    with pytest.raises(ValueError, match="one-shot tuning is for"):
        Adapter.fresh(svd, ABOUT, convolutions=False)


HEADER = {"prompt": "a", "frame_keys": ["first"], "frames": 4, "fps": 8.0, "height": 64, "width": 64}


@pytest.mark.parametrize(
    ("tensors", "about"),
    [
        ({}, json.dumps(HEADER)),
        ({"conv_in.temporal_convolution.down.weight": torch.zeros(0, 3, 3)}, json.dumps(HEADER)),
        ({"x": torch.zeros(1)}, "[" * 100_000),
        ({"x": torch.zeros(1)}, json.dumps(HEADER | {"frames": "many"})),
        ({"x": torch.zeros(1)}, json.dumps(HEADER | {"frame_keys": 5})),
        ({"x": torch.zeros(1)}, json.dumps(HEADER | {"fps": [8]})),
        ({"x": torch.zeros(1)}, "[]"),
    ],
    ids=range(7),
)
def test_damaged_ones_are_refused_in_a_line(
    model: StableDiffusion, tmp_path: Path, tensors: dict[str, Tensor], about: str
) -> None:
    save_file(tensors, tmp_path / "a.safetensors", {"one-shot": about})
    with pytest.raises(ValueError, match=r"isn't an adapter|is damaged") as told:
        Adapter.load(tmp_path / "a.safetensors", model)
    assert "\n" not in str(told.value)


def test_weights_that_are_no_numbers_are_refused(model: StableDiffusion, file: Path) -> None:
    tensors = load_file(file)
    name = next(iter(tensors))
    with safe_open(file, framework="pt") as opened:
        about = opened.metadata()
    tensors[name] = torch.full_like(tensors[name], torch.nan)
    save_file(tensors, file, about)
    with pytest.raises(ValueError, match="holds NaN or infinity"):
        Adapter.load(file, model)
