"""Makes small edits, and looks into what they do."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from torch import Tensor

from rescene import FateZero, StableDiffusion, Video
from rescene.backbones.stable_diffusion import DecodedLatents
from tests.methods.edits import JEEP


@pytest.fixture
def fatezero() -> Callable[..., FateZero]:
    """The same edit of few steps, with other fields as asked for."""

    def make(**fields: Any) -> FateZero:
        return replace(JEEP, **fields)

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

    def counted(step: Any, *branches: Any) -> Any:
        made.append((step.index, len(branches)))
        return predict(step, *branches)

    monkeypatch.setattr(model, "predict", counted)
    return made
