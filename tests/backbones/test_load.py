"""Finding and loading models, strictly."""

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from rescene import StableDiffusion, load
from rescene.backbones import ALIASES, MOVED, Backbone, StableDiffusionXL, StableVideo, Wan, outline
from rescene.backbones.load import FAMILIES, find
from rescene.backbones.text import PromptWarning
from tests.tiny import TINY, loaded_sd, tiny_sd

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
    for name in (tiny_folder, Path(str(tiny_folder))):
        for part in loaded_sd(name)._parts.networks:
            assert not part.training
            assert not any(weight.requires_grad for weight in part.parameters())


def test_sizes_follow_from_the_configuration(model: StableDiffusion) -> None:
    assert (model.grid.space, model.grid.stride, model.native_area) == (8, 64, 64 * 64)


def test_dtype_is_as_asked_for_and_float32_on_a_cpu(tiny_folder: Path) -> None:
    assert load(tiny_folder, device="cpu").dtype == torch.float32
    half = loaded_sd(tiny_folder, dtype=torch.bfloat16)
    weights = [weight for part in half._parts.networks for weight in part.parameters()]
    assert {half.dtype, *(weight.dtype for weight in weights)} == {torch.bfloat16}


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
        embeddings.append(loaded_sd(folder).text("a red jeep").states)
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

        monkeypatch.setattr("rescene.backbones.hub.hf_hub_download", fetch)
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
    assert asked_for("svd") == "stabilityai/stable-video-diffusion-img2vid"
    assert not any(target in MOVED for target in MOVED.values())


def test_aliases_tell_what_one_must_know_before_loading() -> None:
    for alias in ALIASES.values():
        assert alias.bytes > 10**7
        assert alias.licence
        assert alias.about
        assert "\n" not in alias.about
    mini = loaded_sd(Path("mini"))
    alias = ALIASES["mini"]
    assert (alias.size, alias.frames) == ((128, 128), mini.native_frames)
    assert alias.size[0] * alias.size[1] == mini.native_area
    parts = [Path(alias.place, part) for part in FAMILIES[0].parts]
    on_disk = sum(file.stat().st_size for part in parts for file in part.iterdir())
    assert alias.bytes == pytest.approx(on_disk, rel=0.02)
    assert alias.conditions == mini.conditions


KINDS: dict[str, tuple[type, str]] = {
    "sd": (StableDiffusion, "text"),
    "sd-v": (StableDiffusion, "text"),
    "sdxl": (StableDiffusionXL, "text"),
    "instruct-pix2pix": (StableDiffusion, "beside text"),
    "depth": (StableDiffusion, "depth text"),
    "svd": (StableVideo, "picture"),
    "wan": (Wan, "text"),
    "wan-ti2v": (Wan, "text"),
    "wan-a14b": (Wan, "text"),
    "wan-i2v": (Wan, "picture text"),
    "wan-vace": (Wan, "text"),
}


@pytest.mark.parametrize("name", list(TINY))
def test_every_kind_is_a_backbone_with_its_conditions(name: str, tmp_path: Path) -> None:
    kind, conditions = KINDS[name]
    folder = TINY[name](tmp_path / name)
    model, shape = load(folder, device="cpu"), outline(folder, dtype=torch.float32)
    for each in (model, shape):
        assert isinstance(each, Backbone)
        assert type(each) is kind
        assert each.conditions == set(conditions.split())
        assert (each.text is None) == ("text" not in each.conditions)
    assert model.weight_bytes() == shape.weight_bytes()
    assert (model.grid, model.native_area, model.native_frames, model.latent_channels) == (
        shape.grid,
        shape.native_area,
        shape.native_frames,
        shape.latent_channels,
    )


@pytest.mark.parametrize("name", ["sd", "sdxl", "svd"])
def test_an_unknown_pipeline_is_told_by_its_parts(name: str, tmp_path: Path) -> None:
    folder = TINY[name](tmp_path / name)
    family = find(folder).family
    edit_json(folder / "model_index.json", _class_name="SomebodysPipeline")
    assert find(folder).family is family


def test_a_model_of_no_known_family_is_refused(folder: Path) -> None:
    edit_json(folder / "model_index.json", _class_name="FluxPipeline", unet=[None, None])
    with pytest.raises(ValueError, match="is a FluxPipeline; supported are models of Stable Diffusion, "):
        load(folder, device="cpu")


def test_classes_of_other_libraries_are_not_imported(folder: Path) -> None:
    edit_json(folder / "model_index.json", unet=["antigravity", "UNet2DConditionModel"])
    with pytest.raises(ValueError, match="of 'antigravity'; supported are classes of diffusers and tran"):
        load(folder, device="cpu")


def test_families_have_titles_and_pipelines_of_their_own() -> None:
    pipelines = [pipeline for family in FAMILIES for pipeline in family.pipelines]
    assert len(set(pipelines)) == len(pipelines)
    assert len({family.title for family in FAMILIES}) == len(FAMILIES)


def test_video_models_are_refused_like_others(svd_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="belongs to a hub id"):
        load(svd_folder, revision="main")
    wrong = Path(shutil.copytree(svd_folder, tmp_path / "wrong"))
    edit_json(wrong / "model_index.json", unet=["diffusers", "UNet2DConditionModel"])
    with pytest.raises(ValueError, match=r"unet of .* is a UNet2DConditionModel"):
        load(wrong, device="cpu")
    shutil.rmtree(wrong / "image_encoder")
    with pytest.raises(FileNotFoundError, match="no image_encoder; this needs a Stable Video Diffusion"):
        load(wrong, device="cpu")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model_index.json", "{"),
        ("model_index.json", "[]"),
        ("model_index.json", "[" * 100_000),
        ("model_index.json", '{"unet": ["diffusers", 5], "_class_name": ["a"]}'),
        ("unet/config.json", '{"block_out_channels": "abc"}'),
        ("unet/config.json", "{"),
        ("unet/config.json", '{"block_out_channels": [' + "9" * 5000 + "]}"),
        ("text_encoder/config.json", '{"hidden_size": "wide"}'),
        ("text_encoder/config.json", "[]"),
    ],
    ids=range(9),
)
def test_a_damaged_configuration_is_told_in_a_line(folder: Path, file: str, content: str) -> None:
    (folder / file).write_text(content)
    for read in (lambda: load(folder, device="cpu"), lambda: outline(folder, dtype=torch.float32)):
        with pytest.raises((ValueError, FileNotFoundError)) as told:
            read()
        assert "\n" not in str(told.value) and len(str(told.value)) < 700


def test_a_kernel_of_the_hub_is_never_fetched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit_json(folder / "text_encoder" / "config.json", attn_implementation="owner/kernel")
    model = loaded_sd(folder)
    assert model.identity() == loaded_sd(folder).identity()
    encoder: Any = model._parts.networks[1]
    assert encoder.config._attn_implementation == "sdpa"


def test_weights_that_are_there_in_half_precision_only_are_found(folder: Path) -> None:
    before = loaded_sd(folder).identity()
    for part, name in WEIGHTS.items():
        (folder / part / name).rename(folder / part / name.replace(".", ".fp16."))
    assert loaded_sd(folder).identity() == before


def test_weighted_words_are_told_to_be_taken_as_text(model: StableDiffusion) -> None:
    for prompt in ("a (red:1.3) car", "a ((red)) car", "a [[red]] car", "a red++ car"):
        with pytest.warns(PromptWarning, match="--emphasize"):
            model.text(prompt)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.text("a (new) car, 2:1, well-known")
