"""Makes small edits, and looks into what they do."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from diffusers import ControlNetModel
from torch import Tensor

from rescene import FateZero, StableDiffusion, TokenFlow, Video
from rescene.backbones.stable_diffusion import DecodedLatents
from tests.methods.edits import JEEP, ROAD, Edit


@pytest.fixture
def fatezero() -> Callable[..., FateZero]:
    """The same edit of few steps, with other fields as asked for."""

    def make(**fields: Any) -> FateZero:
        return replace(JEEP, **fields)

    return make


@pytest.fixture(scope="session")
def controlnet(loaded: StableDiffusion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ControlNet for the tiny model that has an effect."""
    folder = tmp_path_factory.mktemp("models") / "tiny-controlnet"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = ControlNetModel.from_unet(
            cast(Any, loaded.control.network),
            conditioning_embedding_out_channels=(4, 4, 8, 8),
            load_weights_from_unet=True,
        )
        for name, weight in net.named_parameters():
            if name.startswith(("controlnet_down_blocks", "controlnet_mid_block", "controlnet_cond")):
                weight.data = 0.3 * torch.randn_like(weight)
    net.save_pretrained(folder)
    return folder


@pytest.fixture
def edit(controlnet: Path) -> Edit:
    """A TokenFlow edit of few steps, with other fields as asked for."""

    def make(**fields: Any) -> TokenFlow:
        return replace(ROAD, controlnet=str(controlnet), **fields)

    return make


@pytest.fixture
def latents_of() -> Callable[[Video], Tensor]:
    """The latents of a result that was not decoded yet."""

    def find(video: Video) -> Tensor:
        return cast(DecodedLatents, video.clip).latents

    return find


@pytest.fixture
def calls(model: StableDiffusion, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The (step, branches) of every forward pass of the network."""
    made: list[tuple[int, int]] = []
    predict = model.predict

    def counted(*branches: Any) -> Any:
        made.append((branches[-1].step.index, len(branches)))
        return predict(*branches)

    monkeypatch.setattr(model, "predict", counted)
    return made
