"""Low-rank changes to the temporal blocks of a video model."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import UNetSpatioTemporalConditionModel
from diffusers.loaders import PeftAdapterMixin
from peft import LoraConfig, inject_adapter_in_model, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from torch import Tensor

from rescene import StableDiffusion
from rescene.backbones import Branch, Condition, Picture, StableVideo
from rescene.backbones.changes import MotionLoRA
from rescene.backbones.changes.motion_lora import check
from tests.tiny_video import loaded_svd, tiny_svd


def branches(svd: StableVideo, count: int = 1) -> list[Branch]:
    draw = torch.Generator().manual_seed(0)
    lead = Picture(torch.randn(1, 1, 32, generator=draw), torch.randn(1, 4, 16, 16, generator=draw), 6)
    step, condition = svd.schedule(3)[1], Condition(picture=lead)
    return [Branch(torch.randn(2, 4, 16, 16, generator=draw), step, condition) for _ in range(count)]


def trained(svd: StableVideo, path: Path) -> MotionLoRA:
    """A LoRA with random weights, and its file."""
    lora = MotionLoRA.fresh(svd, rank=4, dropout=0.0, seed=0)
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in lora.weights().values():
            weight.copy_(0.1 * torch.randn(weight.shape, generator=draw))
    lora.save(path)
    return lora


@torch.no_grad()
def predicted(
    svd: StableVideo, lora: MotionLoRA | None = None, *, count: int = 1, skip: int = 0
) -> list[Tensor]:
    if lora is None:
        return list(svd.predict(*branches(svd, count)))
    with svd.changed(replace(lora, skip=skip)):
        return list(svd.predict(*branches(svd, count)))


def close(ours: Tensor, theirs: Tensor) -> None:
    """Equal but for how products round at other places in memory."""
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5)


def test_it_changes_nothing_until_trained_and_only_in_its_block(svd: StableVideo, tmp_path: Path) -> None:
    plain = predicted(svd)
    assert torch.equal(predicted(svd, MotionLoRA.fresh(svd, rank=4, dropout=0.1, seed=0))[0], plain[0])
    lora = trained(svd, tmp_path / "lora.safetensors")
    assert not torch.allclose(predicted(svd, lora)[0], plain[0], atol=1e-3)
    assert torch.equal(predicted(svd)[0], plain[0])


def test_it_is_on_the_linear_layers_of_temporal_blocks_that_matter(svd: StableVideo) -> None:
    lora = MotionLoRA.fresh(svd, rank=2, dropout=0.0, seed=0)
    blocks = sum(name.endswith("temporal_transformer_blocks.0") for name, _ in svd.unet.named_modules())
    assert len(lora.layers) == 10 * blocks
    assert not [name for name in lora.layers if "attn2.to_q" in name or "attn2.to_k" in name]
    assert all(".temporal_transformer_blocks." in name for name in lora.layers)
    same = MotionLoRA.fresh(svd, rank=2, dropout=0.0, seed=0)
    assert all(
        torch.equal(*pair) for pair in zip(lora.weights().values(), same.weights().values(), strict=True)
    )


def test_branches_before_those_it_is_for_stay_as_they_are(svd: StableVideo, tmp_path: Path) -> None:
    lora = trained(svd, tmp_path / "lora.safetensors")
    plain, changed = predicted(svd, count=3), predicted(svd, lora, count=3)
    mixed = predicted(svd, lora, count=3, skip=1)
    for ours, theirs in zip(mixed, [plain[0], *changed[1:]], strict=True):
        close(ours, theirs)


def test_a_file_comes_back_and_may_be_weighed(svd: StableVideo, tmp_path: Path) -> None:
    lora = trained(svd, path := tmp_path / "lora.safetensors")
    close(predicted(svd, MotionLoRA.load(path, svd))[0], predicted(svd, lora)[0])
    none = predicted(svd, MotionLoRA.load(path, svd, weight=0.0))
    close(none[0], predicted(svd)[0])
    half = predicted(svd, MotionLoRA.load(path, svd, weight=0.5))
    assert not torch.allclose(half[0], predicted(svd, lora)[0], atol=1e-3)
    assert not any(weight.requires_grad for weight in MotionLoRA.load(path, svd).weights().values())


def test_peft_reads_its_files_and_it_reads_pefts(svd: StableVideo, svd_folder: Path, tmp_path: Path) -> None:
    lora = trained(svd, path := tmp_path / "lora.safetensors")
    other = loaded_svd(svd_folder)
    bare = {name.removeprefix("unet."): tensor for name, tensor in load_file(path).items()}
    inject_adapter_in_model(LoraConfig(r=4, lora_alpha=4, target_modules=list(lora.layers)), other.unet)
    report = set_peft_model_state_dict(other.unet, bare)
    assert not report.unexpected_keys
    close(predicted(other)[0], predicted(svd, lora)[0])
    save_file(
        {f"base_model.model.{name}": tensor for name, tensor in bare.items()}, tmp_path / "peft.safetensors"
    )
    again = MotionLoRA.load(tmp_path / "peft.safetensors", svd)
    close(predicted(svd, again)[0], predicted(svd, lora)[0])


def test_diffusers_reads_its_files(svd: StableVideo, svd_folder: Path, tmp_path: Path) -> None:
    class Loading(UNetSpatioTemporalConditionModel, PeftAdapterMixin):  # pyright: ignore
        """The network with what diffusers gives to those that take LoRAs."""

    lora = trained(svd, tmp_path / "lora.safetensors")
    other = loaded_svd(svd_folder)
    other.unet.__class__ = Loading
    other.unet.load_lora_adapter(str(tmp_path), prefix="unet", weight_name="lora.safetensors")
    close(predicted(other)[0], predicted(svd, lora)[0])


def test_files_that_dont_fit_are_refused(svd: StableVideo, tmp_path: Path) -> None:
    wide = loaded_svd(tiny_svd(tmp_path / "wide", channels=64))
    trained(wide, tmp_path / "wide.safetensors")
    with pytest.raises(ValueError, match="another kind of model: down_blocks"):
        MotionLoRA.load(tmp_path / "wide.safetensors", svd)
    nowhere = {f"unet.nowhere.lora_{part}.weight": torch.ones(2, 2) for part in "AB"}
    save_file(nowhere, tmp_path / "nowhere.safetensors")
    with pytest.raises(ValueError, match="nowhere is of another shape or missing"):
        MotionLoRA.load(tmp_path / "nowhere.safetensors", svd)
    save_file({"weight": torch.ones(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="isn't a LoRA"):
        MotionLoRA.load(tmp_path / "other.safetensors", svd)
    (tmp_path / "cut.safetensors").write_bytes(b"\0" * 5)
    with pytest.raises(ValueError, match="cut short"):
        MotionLoRA.load(tmp_path / "cut.safetensors", svd)
    with pytest.raises(ValueError, match="pickles"):
        MotionLoRA.load(tmp_path / "lora.pt", svd)
    with pytest.raises(FileNotFoundError, match="train motion-lora"):
        MotionLoRA.load(tmp_path / "none.safetensors", svd)


def test_files_name_their_base_and_go_onto_no_other(
    svd: StableVideo, svd_folder: Path, tmp_path: Path
) -> None:
    trained(svd, path := tmp_path / "lora.safetensors")
    other = loaded_svd(tiny_svd(tmp_path / "other", seed=1))
    with pytest.raises(ValueError, match="trained for another model of this shape"):
        MotionLoRA.load(path, other)
    half = loaded_svd(svd_folder, dtype=torch.float16)
    assert MotionLoRA.load(path, half).base == svd.base
    # Weights that were rounded further can't be told apart.
    MotionLoRA.load(path, loaded_svd(svd_folder, dtype=torch.bfloat16))
    # Files of others don't say what they are for.
    save_file(load_file(path), tmp_path / "foreign.safetensors")
    assert MotionLoRA.load(tmp_path / "foreign.safetensors", other).base is None


def test_a_file_is_checked_without_its_weights(
    svd: StableVideo, model: StableDiffusion, tmp_path: Path
) -> None:
    trained(svd, path := tmp_path / "lora.safetensors")
    check(path, svd)
    with pytest.raises(ValueError, match="for Stable Video Diffusion, and this model is Stable Diffusion"):
        check(path, model)
    wide = loaded_svd(tiny_svd(tmp_path / "wide", channels=64))
    with pytest.raises(ValueError, match="another kind of model: down_blocks"):
        check(path, wide)
    with pytest.raises(FileNotFoundError, match="train motion-lora"):
        check(tmp_path / "none.safetensors", svd)
