"""Sources and their results: from a list, two folders or the command line; and what the results say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..fields import decode, read_list, shown
from ..metrics import Prompts
from ..runs import Trim, parse
from ..runs.inputs import cut_of
from ..runs.result import read_settings
from ..video import Video
from ..video.encode import FORMATS
from ..video.folders import IMAGES
from ..video.hdr import as_sdr
from ..video.read import Cut, read_video

VIDEOS = frozenset({*FORMATS, ".gif", ".avi", ".m4v"})


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A source and a result; prompts that aren't given are those in the result's settings."""

    input: Path
    """The source."""
    output: Path
    """The result."""
    source: str | None = None
    """What the source shows."""
    target: str | None = None
    """What the result should show."""
    mask: Path | None = None
    """White where the edit was meant to change the picture."""

    def check(self) -> None:
        """Looks whether the files are there, before models are loaded.

        Raises:
            FileNotFoundError: if one isn't.
        """
        for path in filter(None, (self.input, self.output, self.mask)):
            if not path.exists():
                raise FileNotFoundError(f"{path}: no such file or folder; check the path")

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """What made the result, as far as it says so."""
        try:
            return parse(read_settings(self.output))
        except ValueError:  # It isn't ours, or has lost its settings: then the whole source is compared.
            return {}

    def prompts(self) -> Prompts | None:
        """The prompts, if both are known."""
        noted = self.settings.get("fields")
        known = noted if isinstance(noted, Mapping) else {}
        source, target = (
            given or (known.get(name) if isinstance(known.get(name), str) else None)
            for name, given in (("source", self.source), ("target", self.target))
        )
        return Prompts(source=source, target=target) if source and target else None

    def videos(self) -> tuple[Video, Video]:
        """The frames of the source that were edited, and the result; decoded as they are read.

        Raises:
            FileNotFoundError, ValueError: if one of them can't be read.
        """
        pair = read_video(self.input, self.cut, hold=False), read_video(self.output, Cut(), hold=False)
        source, result = (as_sdr(each, why="to be compared") for each in pair)
        return source, result

    def masks(self) -> Video | None:
        """The mask, cut as the source is if it is as long."""
        if self.mask is None:
            return None
        mask, whole = (read_video(path, Cut(), hold=False) for path in (self.mask, self.input))
        if len(mask) != len(whole):
            return mask
        return mask[self.cut.slice(whole.fps, len(whole))]

    @property
    def cut(self) -> Cut:
        """Which frames of the source the result was made from; all, if it doesn't say."""
        values: Any = self.settings
        for name in ("inputs", "video", "trim"):
            values = (values.get(name) or {}) if isinstance(values, Mapping) else values
        if not isinstance(values, Mapping):
            raise ValueError(f"{self.output}: its settings name no source in a known way: {shown(values)}")
        return cut_of(decode(Trim, values, name=f"{self.output}: trim"))


def pairs(input: Path, output: Path | None, given: "Given") -> list[Pair]:
    """The pairs that the command line names.

    Raises:
        FileNotFoundError, ValueError: if there are none.
    """
    if output is None:
        if input.suffix.lower() not in {".csv", ".json"}:
            raise ValueError(
                f"{input} has no result to compare with; name it, or give a list (.csv or .json)"
            )
        return [given.fill(pair) for pair in read_pairs(input)]
    if _is_folder_of_videos(input) or _is_folder_of_videos(output):
        return [given.fill(pair) for pair in _same_names(input, output)]
    return [given.fill(Pair(input=input, output=output))]


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the command line says of all pairs."""

    source: str | None = None
    target: str | None = None
    mask: Path | None = None

    def fill(self, pair: Pair) -> Pair:
        """The pair, with what it doesn't say itself."""
        missing = {
            item.name: getattr(self, item.name) for item in fields(self) if not getattr(pair, item.name)
        }
        return replace(pair, **missing)


def read_pairs(path: Path) -> list[Pair]:
    """Reads a list with the columns or names `input`, `output` and, if wanted, `source`, `target`, `mask`.

    Paths are seen from the list's folder.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it isn't such a list; it names the row.
    """
    rows = read_list(path)
    if not isinstance(rows, list):
        raise ValueError(f'{path} must hold a list such as [{{"input": "jeep.mp4", "output": "out.mp4"}}]')
    listed = [
        _pair(row, path.parent, name=f"{path}: row {number}") for number, row in enumerate(rows, start=1)
    ]
    if not listed:
        raise ValueError(f"{path} lists no pairs; give each a row with input and output")
    return listed


def _pair(row: Any, folder: Path, *, name: str) -> Pair:
    given = (
        {key: value for key, value in row.items() if value not in (None, "")}
        if isinstance(row, dict)
        else row
    )
    pair = decode(Pair, given, name=name)
    mask = None if pair.mask is None else folder / pair.mask
    return replace(pair, input=folder / pair.input, output=folder / pair.output, mask=mask)


def _same_names(inputs: Path, outputs: Path) -> Iterable[Pair]:
    """The videos of two folders that have one name, whatever their suffix."""
    for folder in (inputs, outputs):
        if not _is_folder_of_videos(folder):
            raise ValueError(
                f"{folder} is no folder of videos, but the other one is; give two folders, or two videos"
            )
    sources, results = _videos(inputs), _videos(outputs)
    shared = [name for name in sources if name in results]
    if not shared:
        raise ValueError(
            f"no result in {outputs} has the name of a source in {inputs}; use a list (.csv or .json)"
        )
    return [Pair(input=sources[name], output=results[name]) for name in shared]


def _videos(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.iterdir()) if _is_video(path)}


def _is_video(path: Path) -> bool:
    if path.is_dir():
        return any(file.suffix.lower() in IMAGES for file in path.iterdir())
    return path.suffix.lower() in VIDEOS


def _is_folder_of_videos(path: Path) -> bool:
    return path.is_dir() and not _is_video(path)
