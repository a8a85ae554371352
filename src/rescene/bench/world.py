"""The benchmark with known answers: 48 held-out scenes of the rendered world, and the true edit of each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from ..metrics import About, KnownFlow, Report, Score, Tools, evaluate
from ..runs import Trim
from ..video import Video
from ..world import BACKGROUNDS, COLOURS, OBJECTS, STYLES, Scene
from ..world.classifier import Classifier
from .row import named

EditKind = Literal["colour", "object", "background", "style"]
KINDS: tuple[EditKind, ...] = get_args(EditKind)
COUNTS: dict[EditKind, int] = {"colour": 16, "object": 16, "background": 8, "style": 8}
WORDS = {"colour": COLOURS, "object": OBJECTS, "background": BACKGROUNDS, "style": STYLES}
FRAMES, FPS = 8, Fraction(8)
FIRST_SEED = 10_000
"""Training begins at 1,000,000; the figures of mini's own documentation are of seeds below 10,000."""
SEEN = 0.02
"""The least opacity of the object that counts as a change of the picture."""

SUCCESS = About(
    name="success", title="Success", group="likeness to the truth", better="higher", unit="yes or no"
)


@dataclass(frozen=True, kw_only=True)
class WorldRow:
    """A scene, and the same scene with one word changed."""

    kind: EditKind
    number: int
    before: Scene
    after: Scene
    folder: Path
    """Where the clip is written when it is first asked for."""
    frames: int = FRAMES
    """More frames show the same path in smaller steps."""

    @property
    def name(self) -> str:
        old, new = (str(getattr(scene, self.kind) or "photo") for scene in (self.before, self.after))
        length = "" if self.frames == FRAMES else f"{self.frames} frames"
        return named(self.kind, f"{self.number:02}", self.before.object, old, "to", new, length)

    @property
    def source(self) -> str:
        return self.before.caption

    @property
    def target(self) -> str:
        return self.after.caption

    @property
    def subject(self) -> tuple[str, ...]:
        words = {
            "colour": (self.before.colour, self.before.object),
            "object": (self.before.object,),
            "background": self.before.background.split(),
            "style": (),
        }
        return tuple(word for word in words[self.kind] if word)

    @property
    def trim(self) -> Trim:
        return Trim()

    @property
    def clip(self) -> Path:
        """The source, lossless; written if it isn't there."""
        path = self.folder / f"{self.name}.mkv"
        if not path.exists():
            Video.of(self.before.render(self.frames).frames, FPS).write(path, source_type=None)
        return path

    def truth(self) -> Video:
        """The true edited video."""
        return Video.of(self.after.render(self.frames).frames, FPS)

    def changed(self) -> Bool[Tensor, "F 1 H W"]:
        """Where the edit changes the picture: both objects, the background, or all of it."""
        first, second = (scene.render(self.frames).mask for scene in (self.before, self.after))
        if self.kind == "style":
            return torch.ones_like(first, dtype=torch.bool)
        if self.kind == "background":
            return first < 1 - SEEN
        return torch.maximum(first, second) > SEEN

    def flow(self) -> KnownFlow:
        """How the scene moves; visible where both move alike, so that the edit needn't have come about."""
        before, after = self.before.render(self.frames), self.after.render(self.frames)
        alike = (before.flow == after.flow).all(dim=1, keepdim=True)
        visible = before.visible & after.visible & alike
        return KnownFlow(flow=after.flow, visible=visible, name="exact flow, where source and truth share it")

    def measure(self, source: Video, result: Video, tools: Tools, metrics: Sequence[str]) -> Report:
        """The distance from the truth, and whether the edit came about."""
        truth, changed = self.truth(), self.changed()
        report = evaluate(
            truth,
            result,
            mask=Video.of(changed.float().expand(-1, 3, -1, -1), FPS),
            tools=replace(tools, flow=self.flow()),
            metrics=("psnr", "ssim", "warp_error"),
        )
        scores = [
            _to_truth(score) for score in report.scores if score.about.name != "warp_error" or not score.part
        ]
        return replace(report, scores=(*self._success(source, result, truth.frames, changed), *scores))

    def _success(
        self, source: Video, result: Video, truth: Tensor, changed: Bool[Tensor, "F 1 H W"]
    ) -> tuple[Score, ...]:
        frames = result.frames
        errors = [
            (frames - other).square().mean(1, keepdim=True)[changed].mean()
            for other in (truth, source.frames)
        ]
        read = [getattr(reading, self.kind) for reading in _classifier().read(frames)]
        wanted = getattr(self.after, self.kind)
        closer, right = bool(errors[0] < errors[1]), np.mean([word == wanted for word in read]) > 0.5
        how = "closer to the truth than to the source where they differ, and the word read in most frames"
        parts = {"": closer and right, "closer": closer, "word": right}
        return tuple(
            Score(about=SUCCESS, value=float(yes), part=part, how=how) for part, yes in parts.items()
        )


def world_rows(folder: Path, frames: int = FRAMES) -> list[WorldRow]:
    """16 changes of colour, 16 of object, 8 of background, 8 of style; the camera moves in half of each.

    Args:
        folder: Where clips are written.
        frames: The clips' length.

    Raises:
        ValueError: If that is less than two frames.
    """
    if frames < 2:
        raise ValueError(f"--frames is {frames}; what moves in the rendered world takes at least 2")
    return [_row(kind, number, folder, frames) for kind in KINDS for number in range(COUNTS[kind])]


def _row(kind: EditKind, number: int, folder: Path, frames: int) -> WorldRow:
    """The first scene of the row's own seeds that has what the edit needs."""
    first = FIRST_SEED + 10_000 * KINDS.index(kind) + 100 * number
    for seed in range(first, first + 100):
        scene = Scene.random(seed).changed(style=None)
        pans = abs(scene.motion.pan) > 0.08
        if pans == bool(number % 2) and (pans or not scene.motion.pan) and (kind != "colour" or scene.colour):
            draw = np.random.default_rng((seed, 200))
            word = str(draw.choice([word for word in WORDS[kind] if word != getattr(scene, kind)]))
            after = scene.changed(**{kind: word})
            return WorldRow(kind=kind, number=number, before=scene, after=after, folder=folder, frames=frames)
    raise AssertionError("a hundred scenes hold one that pans and one that doesn't")


def _to_truth(score: Score) -> Score:
    if score.about.name == "warp_error":
        return score
    about = replace(score.about, title=f"{score.about.title} to the truth", group="likeness to the truth")
    return replace(score, about=about)


@cache
def _classifier() -> Classifier:
    return Classifier.load()
