"""A method that needs no network, files to run it on, and a host that tells what it was asked."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from rescene import Video
from rescene.inputs import Inputs
from rescene.methods import METHODS, Cost, Method, Needs, Run
from rescene.runs import InputRefs, ModelRef, Recipe, VideoRef
from rescene.runs.local import LocalHost
from rescene.video import TensorClip


@dataclass(frozen=True, kw_only=True)
class Negative(Method):
    """Turns light into dark."""

    name: ClassVar = "negative"
    title: ClassVar = "Negative"
    needs: ClassVar = Needs()

    strength: float = 1.0
    """How much."""
    motion: Path | None = None
    """A file that decides nothing."""

    def on(self, model: Any) -> "NegativeWork":
        return NegativeWork(self)


@dataclass(frozen=True)
class NegativeWork:
    """It at work."""

    settings: Negative

    def check(self, inputs: Inputs) -> None:
        if not 0 <= self.settings.strength <= 1:
            raise ValueError(f"strength is {self.settings.strength}; it must be between 0 and 1")

    def cost(self, inputs: Inputs) -> Cost:
        assert inputs.video
        return Cost(steps=1, evaluations=len(inputs.video))

    def __call__(self, inputs: Inputs, run: Run) -> Video:
        assert inputs.video
        list(run.progress(range(1), description="Turning", total=1))
        frames = inputs.video.frames
        dark = frames + self.settings.strength * (1 - 2 * frames)
        return replace(inputs.video, clip=TensorClip(dark))


@dataclass(eq=False, kw_only=True)
class Witness(LocalHost):
    """A host that remembers what happened."""

    told: list[str] = field(default_factory=list[str])

    def load(self, ref: ModelRef) -> Any:
        self.told.append("load")
        return super().load(ref)

    def begins(self, work: Any, model: Any) -> None:
        self.told.append("begins")

    def finished(self, work: Any, edited: Video) -> Video:
        self.told.append("finished")
        return super().finished(work, edited)


@pytest.fixture
def negative(monkeypatch: pytest.MonkeyPatch) -> type[Negative]:
    """The method, among those that there are."""
    monkeypatch.setitem(METHODS["edit"], "negative", Negative)
    return Negative


@pytest.fixture
def source(tmp_path: Path, clip: Video) -> Path:
    """The clip as a lossless file."""
    path = tmp_path / "source.mkv"
    clip.write(path)
    return path


@pytest.fixture
def recipe(negative: type[Negative], source: Path, tiny_folder: Path) -> Recipe:
    """The clip, turned dark by the tiny model."""
    return Recipe(
        method=negative(),
        model=ModelRef(name=str(tiny_folder), device="cpu"),
        inputs=InputRefs(video=VideoRef(path=str(source))),
    )


@pytest.fixture
def host() -> Witness:
    return Witness()


@pytest.fixture
def white() -> Video:
    """A mask of the clip's size: white in its left half."""
    frame = torch.zeros(1, 3, 64, 128)
    frame[..., :64] = 1
    return Video.of(frame, 8)
