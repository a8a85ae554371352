"""What a benchmark is made of: a clip, what it shows, and what it should show."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from re import findall
from typing import Protocol, runtime_checkable

from ..metrics import Prompts, Report, Tools, evaluate
from ..runs import Trim
from ..runs.inputs import cut_of, read_source
from ..typing import Frames
from ..video import Video
from ..video.clip import Wrapped

FUNCTION_WORDS = frozenset({"a", "an", "the", "in", "on", "of", "at", "with", "and", "is", "to"})


@runtime_checkable
class Row(Protocol):
    """One edit to be made and measured."""

    @property
    def name(self) -> str:
        """Of the row, and of the files that come of it; no two rows of a benchmark share one."""
        ...

    @property
    def kind(self) -> str:
        """What sort of change this is: "object", "style"; numbers are given for each."""
        ...

    @property
    def source(self) -> str:
        """What the clip shows."""
        ...

    @property
    def target(self) -> str:
        """What the result should show."""
        ...

    @property
    def subject(self) -> tuple[str, ...]:
        """The words of the source prompt whose place is to change; none if all of the picture is."""
        ...

    @property
    def clip(self) -> Path:
        """The source's file."""
        ...

    @property
    def trim(self) -> Trim:
        """Which of its frames are edited."""
        ...

    def truth(self) -> Video | None:
        """The right answer, where there is one."""
        ...

    def measure(self, source: Video, result: Video, tools: Tools, metrics: Sequence[str]) -> Report:
        """What the result is worth."""
        ...


@dataclass(frozen=True, kw_only=True)
class FileRow:
    """A row of a list of files."""

    name: str
    clip: Path
    source: str
    target: str
    kind: str = ""
    mask: Path | None = None
    """Shows where something should change: one picture, or as many as the clip has frames."""
    mask_level: float = 0.5
    """How bright, from 0 to 1, the mask is where something should change."""
    subject: tuple[str, ...] = ()
    trim: Trim = field(default_factory=Trim)

    def truth(self) -> None:
        """Nobody knows it."""

    def measure(self, source: Video, result: Video, tools: Tools, metrics: Sequence[str]) -> Report:
        """By the metrics of `rescene evaluate`."""
        prompts = Prompts(source=self.source, target=self.target)
        return evaluate(source, result, prompts=prompts, mask=self._mask(), tools=tools, metrics=metrics)

    def _mask(self) -> Video | None:
        if self.mask is None:
            return None
        mask = read_source(self.mask, Trim(), hold=False)
        if len(mask) > 1:
            mask = mask[cut_of(self.trim).slice(mask.fps, len(mask))]
        return replace(mask, clip=Brighter(mask.clip, self.mask_level))


def source_of(row: Row, *, hold: bool = True) -> Video:
    """The frames of a row's clip that are edited; held in memory, or else decoded as they are read.

    Raises:
        FileNotFoundError, ValueError: if they can't be read.
    """
    return read_source(row.clip, row.trim, hold=hold)


@dataclass(frozen=True, eq=False)
class Brighter(Wrapped):
    """White where the brightest channel of a clip is above a level, black elsewhere."""

    level: float

    def read(self, start: int, stop: int) -> Frames:
        frames = self.clip.read(start, stop)
        return (frames.amax(1, keepdim=True) > self.level).float().expand(-1, 3, -1, -1).contiguous()


def replaced_words(source: str, target: str) -> tuple[str, ...]:
    """The words of the source prompt that the target prompt lacks, function words aside."""
    kept = set(_words(target)) | FUNCTION_WORDS
    return tuple(dict.fromkeys(word for word in _words(source) if word not in kept))


def named(*parts: str) -> str:
    """A name for a row, and for files, from some texts."""
    return "-".join(word for part in parts for word in findall(r"\w+", part.lower()))


def _words(prompt: str) -> list[str]:
    return findall(r"[\w'-]+", prompt.lower())
