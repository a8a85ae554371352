"""What a recorded case of a video transformer consists of: its model, its tensors, its settings."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from rescene.backbones import Backbone, Text, load
from rescene.sampling import Level, Schedule, Step
from tests.reference.result import Result

ONE_PASS, AFTER_STEPS = 1e-5, 1e-4
"""The manifest's tolerances: of the difference's norm, relative to the recorded one's."""


@dataclass(frozen=True)
class Case:
    """One case of the manifest."""

    root: Path
    models: Path
    name: str
    manifest: Mapping[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        """The case's settings."""
        return self.manifest["cases"][self.name]["settings"]

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """The recorded outputs."""
        return load_file(self.root / f"{self.name}.safetensors")

    @cached_property
    def inputs(self) -> dict[str, Tensor]:
        """The inputs by what they are to the case."""
        shared = load_file(self.root / "inputs.safetensors")
        return {name: shared[place] for name, place in self.manifest["cases"][self.name]["inputs"].items()}

    @cached_property
    def model(self) -> Backbone:
        """The tiny model."""
        return load(self.models / self.settings["model"], device="cpu")

    @property
    def prompts(self) -> Mapping[str, str]:
        """The prompts, `source`, `target` and `negative`."""
        return self.manifest["prompts"]

    def text(self, name: str) -> Text:
        """One of the prompts, encoded."""
        assert self.model.text
        return self.model.text(self.prompts.get(name, name))

    @property
    def schedule(self) -> Schedule:
        """The steps from noise to video."""
        return self.model.schedule(self.settings["steps"], shift=self.settings["shift"])

    @property
    def step(self) -> Step:
        """The one step of a case with one pass."""
        level = float(self.settings["level"])
        return Step(0, 1000 * level, Level(1 - level, level), Level(1, 0))

    def close(self, subject: str, ours: Tensor, tolerance: float = ONE_PASS) -> Result:
        """Compares with the recorded tensor of that name."""
        return self.compare(subject, ours, self.tensors[subject], tolerance)

    def equal(self, subject: str, ours: Tensor) -> Result:
        """Compares integers, which must be the recorded ones."""
        return self.compare(subject, ours, self.tensors[subject], 0.0)

    def states(self, ours: Iterable[Tensor], subject: str = "states") -> Iterator[Result]:
        """Compares the latents [T, C, h, w] after each step with the recorded ones."""
        found = torch.stack(list(ours)).transpose(1, 2)
        theirs = self.tensors[subject]
        if found.shape != theirs.shape:
            yield self.compare(subject, found, theirs, AFTER_STEPS)
            return
        for number, pair in enumerate(zip(found, theirs, strict=True)):
            yield self.compare(f"{subject} {number}", *pair, AFTER_STEPS)

    def compare(self, subject: str, ours: Tensor, theirs: Tensor, tolerance: float) -> Result:
        """Compares by the norm of the difference, relative to the recorded one."""
        name = f"{self.name}/{subject}"
        if ours.shape != theirs.shape:
            return Result.of(name, ours, theirs, tolerance)
        error = ((ours.double() - theirs.double()).norm() / theirs.double().norm().clamp_min(1e-12)).item()
        error = error if error == error else torch.inf
        return Result(name, error, error, tolerance)


def batched(z: Tensor) -> Tensor:
    """Latents [T, C, h, w] as they were recorded, [1, C, T, h, w]."""
    return z.transpose(0, 1)[None]


def time_first(z: Tensor) -> Tensor:
    """Recorded latents [1, C, T, h, w], or [C, T, h, w], as [T, C, h, w]."""
    return (z[0] if z.ndim == 5 else z).transpose(0, 1)
