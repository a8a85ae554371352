"""Finding and loading models, strictly."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from rescene import StableDiffusion, load
from rescene.backbones import ALIASES
from tests.tiny import tiny_sd

WEIGHTS = {
    "unet": "diffusion_pytorch_model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
    "text_encoder": "model.safetensors",
}


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model, to be damaged."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "model"))


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def edit_json(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_a_folder_is_loaded_frozen_and_in_evaluation_mode(tiny_folder: Path) -> None:
    for name in (tiny_folder, str(tiny_folder)):
        model = load(name, device="cpu")
        for part in (model.unet, model.vae, model.text_encoder):
            assert not part.training
            assert not any(weight.requires_grad for weight in part.parameters())


def test_sizes_follow_from_the_configuration(model: StableDiffusion) -> None:
    assert (model.scale, model.stride, model.native_area) == (8, 64, 64 * 64)


def test_dtype_is_as_asked_for_and_float32_on_a_cpu(tiny_folder: Path) -> None:
    assert load(tiny_folder, device="cpu").unet.dtype == torch.float32
    half = load(tiny_folder, device="cpu", dtype=torch.bfloat16)
    assert {part.dtype for part in (half.unet, half.vae, half.text_encoder)} == {torch.bfloat16}


@pytest.mark.parametrize(
    ("cuda", "mps", "best"), [(1, 0, "cuda"), (1, 1, "cuda"), (0, 1, "mps"), (0, 0, "cpu")]
)
def test_the_best_device_is_chosen(monkeypatch: pytest.MonkeyPatch, cuda: int, mps: int, best: str) -> None:
    from rescene.backbones import best_device, usual_dtype

    monkeypatch.setattr("torch.cuda.is_available", lambda: bool(cuda))
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: bool(mps))
    assert best_device().type == best
    assert usual_dtype(best_device()) == (torch.float16 if cuda else torch.float32)


def test_text_encoders_with_and_without_the_published_prefix_give_equal_embeddings(tmp_path: Path) -> None:
    names: list[set[str]] = []
    embeddings: list[torch.Tensor] = []
    for prefixed in (False, True):
        folder = tiny_sd(tmp_path / str(prefixed), text_prefix=prefixed)
        names.append(set(load_file(folder / "text_encoder" / "model.safetensors")))
        embeddings.append(load(folder, device="cpu").embed("a red jeep"))
    assert not names[0] & names[1]
    assert torch.equal(*embeddings)


def test_a_published_scheduler_of_another_class_gives_the_same_steps(
    model: StableDiffusion, folder: Path
) -> None:
    edit_json(
        folder / "scheduler" / "scheduler_config.json", _class_name="PNDMScheduler", skip_prk_steps=True
    )
    edit_json(folder / "model_index.json", scheduler=["diffusers", "PNDMScheduler"])
    assert load(folder, device="cpu").schedule(5) == model.schedule(5)


def test_an_unknown_kind_of_prediction_is_refused(folder: Path) -> None:
    edit_json(folder / "scheduler" / "scheduler_config.json", prediction_type="sample")
    with pytest.raises(ValueError, match="'sample'; supported are epsilon, v_prediction"):
        load(folder, device="cpu")


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_missing_part_is_named(folder: Path, part: str) -> None:
    shutil.rmtree(folder / part)
    with pytest.raises(FileNotFoundError, match=rf"has no {part}; this needs a Stable Diffusion model"):
        load(folder, device="cpu")


def test_a_part_that_the_index_does_not_list_is_missing(folder: Path) -> None:
    edit_json(folder / "model_index.json", unet=[None, None])
    with pytest.raises(FileNotFoundError, match="has no unet"):
        load(folder, device="cpu")


def test_a_folder_in_another_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no model_index\.json.*\.safetensors file itself"):
        load(tmp_path, device="cpu")


@pytest.mark.parametrize("part", list(WEIGHTS))
def test_missing_weights_are_an_error_and_never_random(folder: Path, part: str) -> None:
    path = folder / part / WEIGHTS[part]
    tensors = load_file(path)
    removed = sorted(tensors)[0]
    save_file({name: t for name, t in tensors.items() if name != removed}, path, {"format": "pt"})
    with pytest.raises(ValueError, match=rf"the {part} of .* lacks 1 of its weights \({removed}"):
        load(folder, device="cpu")


@pytest.mark.parametrize("part", list(WEIGHTS))
def test_weights_of_another_shape_are_an_error(folder: Path, part: str) -> None:
    path = folder / part / WEIGHTS[part]
    tensors = load_file(path)
    changed = next(name for name in sorted(tensors) if tensors[name].ndim == 2)
    save_file({**tensors, changed: tensors[changed][:-1].clone()}, path, {"format": "pt"})
    with pytest.raises(ValueError, match=rf"the {part} of"):
        load(folder, device="cpu")


@pytest.mark.parametrize("part", list(WEIGHTS))
def test_pickles_are_not_read(folder: Path, part: str) -> None:
    path = folder / part / WEIGHTS[part]
    name = "pytorch_model.bin" if part == "text_encoder" else "diffusion_pytorch_model.bin"
    torch.save(load_file(path), path.with_name(name))
    path.unlink()
    with pytest.raises(FileNotFoundError, match=rf"the {part} of .* no pickles"):
        load(folder, device="cpu")


@pytest.mark.parametrize("part", list(WEIGHTS))
def test_a_file_that_was_cut_short_is_an_error(folder: Path, part: str) -> None:
    path = folder / part / WEIGHTS[part]
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises((ValueError, FileNotFoundError), match=rf"the {part} of"):
        load(folder, device="cpu")


def test_a_tokenizer_without_its_files_is_an_error(folder: Path) -> None:
    for path in (folder / "tokenizer").iterdir():
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"the tokenizer of .* no vocabulary"):
        load(folder, device="cpu")


@pytest.mark.parametrize(
    ("part", "kind"), [("unet", "UNet3DConditionModel"), ("text_encoder", "CLIPTextModelWithProjection")]
)
def test_parts_of_another_class_are_refused(folder: Path, part: str, kind: str) -> None:
    edit_json(folder / "model_index.json", **{part: ["diffusers", kind]})
    with pytest.raises(ValueError, match=f"the {part} of .* is a {kind}; supported are"):
        load(folder, device="cpu")


def test_parts_that_do_not_belong_together_are_refused(tmp_path: Path, folder: Path) -> None:
    other = tiny_sd(tmp_path / "other", vae="tiny")
    shutil.rmtree(folder / "unet")
    shutil.copytree(other / "unet", folder / "unet")
    with pytest.raises(ValueError, match="takes 16 channels and the VAE makes 4"):
        load(folder, device="cpu")


@pytest.mark.parametrize("name", ["sd3000", "./nowhere", "/nowhere/at/all", "a/b/c", "~/nowhere"])
def test_an_unknown_name_is_an_error_that_lists_the_known_ones(name: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no model '.*mini, sd14, sd15"):
        load(name, device="cpu")


def test_a_hub_id_that_cannot_be_fetched_says_so() -> None:
    with pytest.raises(FileNotFoundError, match="someone/something isn't in the local cache and the hub"):
        load("someone/something", device="cpu")


def test_a_revision_belongs_to_a_hub_id(tiny_folder: Path) -> None:
    with pytest.raises(ValueError, match=r"revision \(main\).*local model"):
        load(tiny_folder, device="cpu", revision="main")
    with pytest.raises(FileNotFoundError, match="someone/something at revision v1 isn't"):
        load("someone/something", device="cpu", revision="v1")


@pytest.fixture
def asked_for(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """The hub id that a name stands for."""

    def find(name: str) -> str:
        seen: list[str] = []

        def fetch(repository: str, *_: Any, **__: Any) -> str:
            seen.append(repository)
            raise FileNotFoundError

        monkeypatch.setattr("rescene.backbones.checkpoints.hf_hub_download", fetch)
        with pytest.raises(FileNotFoundError):
            load(name, device="cpu")
        return seen[0]

    return find


def test_aliases_and_ids_that_have_moved_lead_to_where_models_are_now(
    asked_for: Callable[[str], str],
) -> None:
    assert asked_for("sd15") == "stable-diffusion-v1-5/stable-diffusion-v1-5"
    assert asked_for("runwayml/stable-diffusion-v1-5") == "stable-diffusion-v1-5/stable-diffusion-v1-5"
    assert asked_for("someone/something") == "someone/something"
    assert not any(target in ALIASES for target in ALIASES.values())
