"""Clips with known answers, and a scorer whose cosines can be worked out by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from rescene.metrics import KnownFlow, Prompts, Report, Tools, evaluate
from rescene.video import Video

WORDS = {"red": (1.0, 0.0, 0.0), "green": (0.0, 1.0, 0.0), "yellow": (1.0, 1.0, 0.0)}


@dataclass(frozen=True)
class ByColour:
    """Sees the mean colour of a picture, and knows the colours of some words."""

    name: str = "by colour"

    def image(self, frame: Tensor, crop: str) -> Tensor:
        square = min(frame.shape[1:])
        seen = frame[:, -square:] if crop == "bottom" else frame
        return torch.nn.functional.normalize(seen.mean((1, 2)), dim=0)

    def text(self, prompt: str) -> Tensor:
        if prompt not in WORDS:
            raise ValueError(f"{prompt!r} is too long for me")
        return torch.nn.functional.normalize(torch.tensor(WORDS[prompt]), dim=0)


@pytest.fixture
def tools() -> Tools:
    return Tools(scorer=ByColour())


@pytest.fixture
def red_to_green() -> Prompts:
    return Prompts(source="red", target="green")


@pytest.fixture
def plain() -> Callable[..., Video]:
    """Makes a video of plain frames, one for each colour."""

    def make(
        *colours: tuple[float, float, float], height: int = 16, width: int = 24, fps: float = 8
    ) -> Video:
        frames = torch.tensor(colours, dtype=torch.float32)[:, :, None, None].expand(-1, -1, height, width)
        return Video.of(frames.contiguous(), fps)

    return make


@pytest.fixture
def textured() -> Video:
    """Five frames of smooth noise that moves 3 pixels to the left from one to the next."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(1, 3, 16, 24, generator=generator)
    wide = torch.nn.functional.interpolate(noise, (64, 96), mode="bicubic").clamp(0, 1)[0]
    return Video.of(torch.stack([wide[:, :, 3 * t : 3 * t + 80] for t in range(5)]), 8)


@pytest.fixture
def still() -> Callable[[Video], KnownFlow]:
    """Makes the flow of a video in which nothing moves."""

    def make(video: Video) -> KnownFlow:
        count, size = len(video) - 1, (video.height, video.width)
        visible = torch.ones(count, 1, *size, dtype=torch.bool)
        return KnownFlow(flow=torch.zeros(count, 2, *size), visible=visible)

    return make


@pytest.fixture
def only() -> Callable[..., Report]:
    """Computes one metric, which must not be left out."""

    def compute(name: str, source: Video, result: Video, **given: object) -> Report:
        report = evaluate(source, result, metrics=[name], **given)  # pyright: ignore
        assert not report.left_out
        return report

    return compute


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.metrics.tiny_clip import tiny_clip

    return tiny_clip(tmp_path_factory.mktemp("models") / "clip")
