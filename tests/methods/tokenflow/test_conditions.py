"""What the network is shown of a clip besides its latents: ControlNets' frames and depth."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from rescene import Notes, StableDiffusion, TokenFlow, Video
from rescene.backbones import depth_maps
from rescene.inputs import Inputs
from rescene.methods import Run
from rescene.methods.tokenflow import edit as tokenflow
from tests.methods.edits import Edit, LatentsOf, moving
from tests.tiny import loaded_sd, tiny_sd


def test_a_control_has_a_say(model: StableDiffusion, edit: Edit, latents_of: LatentsOf) -> None:
    plain, weak, strong = (
        latents_of(edit(base=base, control_weight=weight)(model, moving(3)))
        for base, weight in (("sdedit", 1.0), ("controlnet", 1e-6), ("controlnet", 1.0))
    )
    torch.testing.assert_close(weak, plain, rtol=1e-3, atol=1e-3)
    assert not torch.allclose(strong, plain, atol=1e-2)


def test_frames_have_controls_of_their_own_in_the_inversion(
    model: StableDiffusion, edit: Edit, latents_of: LatentsOf
) -> None:
    notes = Notes()
    edit(base="controlnet", inversion="ddpm", frames_per_batch=2)(model, moving(3), Run(notes=notes))
    assert notes.reconstruction is not None
    rebuilt = latents_of(notes.reconstruction)
    torch.testing.assert_close(rebuilt, model.encode(moving(3)), rtol=1e-4, atol=1e-4)


def test_a_controlnet_for_another_base_is_an_error_before_anything_is_computed(
    edit: Edit, tmp_path: Path, controlnet: Path, calls: list[tuple[int, int]]
) -> None:
    other = loaded_sd(tiny_sd(tmp_path / "other", vae="tiny"))
    with pytest.raises(ValueError, match="another kind of model"):
        edit(base="controlnet")(other, moving(2))
    with pytest.raises(ValueError, match="another kind of model"):
        edit(base="controlnet").check(other, moving(2))


@pytest.fixture(scope="module")
def reader(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> StableDiffusion:
    """The tiny model with a network that reads depth."""
    folder = Path(shutil.copytree(tiny_folder, tmp_path_factory.mktemp("models") / "tiny-depth"))
    config = json.loads((folder / "unet" / "config.json").read_text())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network: Any = UNet2DConditionModel.from_config({**config, "in_channels": 5})
    network.save_pretrained(folder / "unet")
    return loaded_sd(folder)


def ramp(video: Video, *, falling: bool = False) -> Video:
    """Depth that grows, or falls, from left to right and from frame to frame."""
    across = torch.linspace(0, 1, video.width).expand(len(video), 3, video.height, -1)
    depth = across * torch.linspace(0.3, 1, len(video))[:, None, None, None]
    return replace(Video.of(1 - depth if falling else depth, 8), fps=video.fps)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets the depth that is found in every video."""

    def choose(**how: Any) -> None:
        monkeypatch.setattr(tokenflow, "Depth", lambda **_: lambda video: ramp(video, **how))

    return choose


def test_depth_maps_are_at_the_size_of_the_latents_and_near_is_one(reader: StableDiffusion) -> None:
    maps = depth_maps(ramp(moving(3)), reader.grid)
    assert maps.shape == (3, 1, 8, 8)
    assert -1 <= maps.min() < -0.8
    assert maps[2, 0, 0, 7] > 0.8
    assert reader.conditions == {"text", "depth"}


@pytest.mark.parametrize("base", ["pnp", "sdedit", "ddim"])
def test_depth_has_a_say_in_every_base(
    reader: StableDiffusion, edit: Edit, latents_of: LatentsOf, shown: Callable[..., None], base: str
) -> None:
    results: list[Tensor] = []
    for falling in (False, True):
        shown(falling=falling)
        results.append(latents_of(edit(base=base)(reader, moving(3))))
    assert not torch.allclose(results[0], results[1], atol=1e-2)


def test_frames_have_depth_of_their_own_whatever_is_computed_at_once(
    reader: StableDiffusion, edit: Edit, latents_of: LatentsOf, shown: Callable[..., None]
) -> None:
    shown()
    results = [latents_of(edit(frames_per_batch=count)(reader, moving(5))) for count in (2, 100)]
    torch.testing.assert_close(*results, rtol=1e-3, atol=1e-3)


def test_depth_takes_part_in_the_inversion(
    reader: StableDiffusion, edit: Edit, latents_of: LatentsOf, shown: Callable[..., None]
) -> None:
    shown()
    notes = Notes()
    edit()(reader, moving(2), Run(notes=notes))
    assert notes.reconstruction is not None
    torch.testing.assert_close(
        latents_of(notes.reconstruction), reader.encode(moving(2)), rtol=1e-4, atol=1e-4
    )


def test_a_model_without_depth_is_not_asked_for_any(model: StableDiffusion) -> None:
    edit = TokenFlow(source="a car", target="a jeep").on(model)
    assert edit.conditions(Inputs(video=moving(2))).depth is None
    assert model.conditions == {"text"}
