"""Files as recipes name them, and masks."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from ..fields import LocalName, Within, check_ranges, encode
from ..inputs.marks import Marks


@dataclass(frozen=True, kw_only=True)
class FileRef:
    """A file that a run reads."""

    path: str
    """Where it is, as seen from the result's folder."""
    sha256: str | None = None
    """Of the file, or of a folder's files; None before the run."""


@dataclass(frozen=True, kw_only=True)
class MaskRef:
    """Where the edit may change the picture: all of these together, less `minus`."""

    files: tuple[FileRef, ...] = ()
    """Videos, folders of pictures or single pictures: white or opaque where the edit may change something."""
    minus: tuple[FileRef, ...] = ()
    """The same, where it mustn't."""
    marks: Marks = field(default_factory=Marks)
    """What is marked on single frames, and carried through the clip."""
    difference: bool = False
    """Whether what edited frames changed is inside, too, and carried likewise."""
    tracker: LocalName | None = None
    """What carries it: `opencv`, or a hub id or folder of SAM 2; None before the run for what is there."""
    invert: bool = False
    """Whether to swap inside and outside."""
    grow: Annotated[int, Within(-500, 500)] = 0
    """How many pixels to grow by, or to shrink by if negative."""
    feather: Annotated[int, Within(0, 500)] = 0
    """The width of the soft edge in pixels, inwards."""

    def __post_init__(self) -> None:
        check_ranges(self)

    @property
    def every_file(self) -> tuple[FileRef, ...]:
        """All files that it reads."""
        return *self.files, *self.minus

    def with_files(self, other: Callable[[FileRef], FileRef]) -> "MaskRef":
        """The same mask with another reference for each file."""
        return replace(self, files=tuple(map(other, self.files)), minus=tuple(map(other, self.minus)))

    @property
    def identity(self) -> Any:
        """All that decides the mask, as JSON: of what files hold, not their names."""
        return encode(self.with_files(lambda file: replace(file, path="")))
