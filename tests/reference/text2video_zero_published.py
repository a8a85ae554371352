"""Text2Video-Zero with the original's quirks, which docs/differences.md lists."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from rescene import Backbone
from rescene.attention import Call
from rescene.methods.text2video_zero.background import Saliency, Subject
from rescene.methods.text2video_zero.cross_frame import CrossFrame
from rescene.methods.text2video_zero.generate import Text2VideoZeroWork
from rescene.methods.text2video_zero.merging import CELL, MergeTokens, cell_positions
from rescene.progress import Progress
from rescene.sampling import Level, Schedule, Step
from rescene.sampling.noise import renoise, warp
from rescene.typing import Latents
from tests.reference.result import Result

MERGE_SEED = 1234
"""Of the generator that the recording gave to token merging."""


def compare(name: str, ours: Tensor, theirs: Tensor, tolerance: float) -> Result:
    """The relative error in L2, as the manifest bounds it; different shapes are infinitely wrong."""
    if ours.shape != theirs.shape:
        return Result.of(name, ours, theirs, tolerance)
    error = ((ours.double() - theirs.double()).norm() / theirs.double().norm()).item()
    return Result(name, error, error, tolerance)


def drawn(seed: int, *shapes: Sequence[int]) -> list[Tensor]:
    """What a freshly seeded generator draws, in the order of `shapes`."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, generator=generator) for shape in shapes]


def frames_first(x: Tensor) -> Tensor:
    """Latents as rescene lays them out, from the original's (1, channels, frames, rows, columns)."""
    return x[0].transpose(0, 1)


@dataclass(frozen=True)
class PublishedMerging(MergeTokens):
    """Compares what the transformer block was given, and draws from one generator, call by call."""

    draws: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(MERGE_SEED))
    random: bool = True
    """Whether positions are drawn: not in batches of odd size, which the original takes for unguided."""
    _given: dict[str, Tensor] = field(default_factory=dict)
    _drawn: dict[tuple[int, str], Tensor] = field(default_factory=dict)

    def compared(self, call: Call, x: Tensor) -> Tensor:
        return self._given[call.layer.name]

    def staying(self, call: Call) -> Int[Tensor, " D"]:
        shape, key = (call.grid[0] // CELL, call.grid[1] // CELL), (call.step, call.layer.name)
        if key not in self._drawn:  # The anchor and the other frames were one batch.
            choice = (
                torch.randint(CELL**2, (*shape, 1), generator=self.draws)[..., 0] if self.random else None
            )
            self._drawn[key] = torch.zeros(shape, dtype=torch.long) if choice is None else choice
        return cell_positions(self._drawn[key], call.grid)

    def again(self) -> None:
        """The steps are about to be walked once more."""
        self._drawn.clear()

    @contextmanager
    def listening(self, model: Backbone) -> Iterator[None]:
        """Keeps the inputs of the blocks whose self-attention merges."""

        def keep(name: str) -> Callable[..., None]:
            def hook(module: Any, args: tuple[Tensor, ...], kwargs: Mapping[str, Any]) -> None:
                self._given[name] = args[0]

            return hook

        with ExitStack() as undo:
            for layer in filter(self.applies, model.control.layers):
                block = model.control.network.get_submodule(layer.name.removesuffix(".attn1"))
                undo.enter_context(block.register_forward_pre_hook(keep(layer.name), with_kwargs=True))
            yield


@dataclass(frozen=True, kw_only=True)
class PublishedClip(Text2VideoZeroWork):
    """The original's noise, levels and places of the frames."""

    chunks: Sequence[Sequence[int]]
    """The numbers of each chunk's frames; the anchor comes first and is the same in all."""
    merging: PublishedMerging | None = None
    by_frame: bool = False
    """Whether fresh noise is drawn frame by frame, as in diffusers' pipeline."""
    seen: dict[str, Tensor] = field(default_factory=dict)
    """What happened on the way."""

    def camera(self) -> tuple[Tensor, Tensor]:
        shifts, zooms = super().camera()
        numbers = torch.tensor([0, *(number for chunk in self.chunks for number in chunk[1:])])
        return numbers[:, None] * shifts[1:2] if self.settings.motion else shifts, zooms

    def noise(self, shape: Sequence[int]) -> Latents:
        first, rest = self._drawn(shape)
        return torch.cat([first, rest])

    def fresh_noise(self, shape: Sequence[int]) -> Latents:
        rest = self._drawn(shape)[1]
        return rest.transpose(0, 1).reshape(rest.shape) if self.by_frame else rest

    def _drawn(self, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Noise of a chunk is drawn channels first, so it depends on how long the chunk is."""
        channels, *size = shape
        pairs = [
            drawn(self.settings.seed, (1, channels, 1, *size), (1, channels, len(chunk) - 1, *size))
            for chunk in self.chunks
        ]
        return frames_first(pairs[0][0]), torch.cat([frames_first(rest) for _, rest in pairs])

    def levels(self, schedule: Schedule) -> tuple[Level, Level]:
        """The alphas from T0 up to, but without, T1 are multiplied: both levels are a timestep too clean."""
        every = {step.timestep: step.start for step in self.every_step}
        early, late = self.window(len(schedule))
        return every[schedule[late].timestep - 1], every[schedule[early].timestep - 1]

    every_step: Schedule
    """The schedule of all timesteps."""

    def start(
        self, sampler: CrossFrame, schedule: Schedule, noise: Latents, *, progress: Progress
    ) -> Latents:
        _, late = self.window(len(schedule))
        if self.merging:
            start = self._start_merging(sampler, schedule, noise)
        else:
            start = super().start(sampler, schedule, noise, progress=progress)
            if self.settings.motion:
                self.seen["at_T0"] = sampler._ahead[late - 1]
        self.seen.update(at_T=noise, at_T1=start)
        return start

    def _start_merging(self, sampler: CrossFrame, schedule: Schedule, noise: Latents) -> Latents:
        """The anchor runs to the end, then again with the others: each time other positions are drawn."""
        assert self.merging
        early, late = self.window(len(schedule))
        states = [noise[:1]]
        for step in schedule:
            states.append(sampler.lead_alone(states[-1], schedule.alone(step)))
        self.merging.again()
        shifts, zooms = self.camera()
        self.seen.update(at_T0=states[late], first_pass=states[-1])
        moved = warp(states[late], shifts[1:], zooms[1:])
        fresh = self.fresh_noise(moved.shape[1:])
        return torch.cat([states[early], renoise(moved, fresh, *self.levels(schedule))])

    def hooks(self) -> tuple[MergeTokens, ...]:
        return (self.merging,) if self.merging else ()

    def subject_finder(self, *args: Any, **kwargs: Any) -> Subject | None:
        find = super().subject_finder(*args, **kwargs)

        def spy(z: Latents) -> Tensor:
            self.seen["unsmoothed"], self.seen["masks"] = z, find(z) if find else z
            return self.seen["masks"]

        return spy if find else None


def stub_saliency() -> Saliency:
    """The recording's stand-in for a detector: an ellipse, its place depends on the frame's mean."""

    def find(frames: Tensor) -> Tensor:
        height, width = frames.shape[-2:]
        down, across = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        means = (frames * 255).round().double().mean((1, 2, 3))
        middles = [0.45 * width + int(mean) % 16 for mean in means]
        inside = [
            ((across - middle) / (0.22 * width)) ** 2 + ((down - 0.5 * height) / (0.30 * height)) ** 2 < 1
            for middle in middles
        ]
        return torch.stack(inside).float()

    return find


class StepNoise:
    """What random steps add in the original: drawn for a whole chunk at each step."""

    def __init__(self, seed: int, shape: Sequence[int]):
        self._generator, self._shape = torch.Generator().manual_seed(seed), shape
        self._drawn: dict[int, Tensor] = {}

    def __call__(self, step: Step, frames: slice) -> Tensor:
        return self.at(step.index)[frames]

    def at(self, index: int) -> Tensor:
        """All frames' noise for one step; steps have to come in their order."""
        if index not in self._drawn:
            self._drawn[index] = torch.randn(*self._shape, generator=self._generator)
        return self._drawn[index]
