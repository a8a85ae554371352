"""The files of a recipe: found where they are noted or beside the result, and known by their contents."""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..methods.method import Method

if TYPE_CHECKING:
    from .recipe import FileRef, Recipe

_BLOCK = 1 << 20
Ref = TypeVar("Ref", bound="FileRef")


def file_hash(path: Path) -> str:
    """SHA-256 of a file, or of the names and hashes of a folder's files.

    Raises:
        ValueError: If it is neither.
    """
    digest = hashlib.sha256()
    if path.is_dir():
        for file in sorted(file for file in path.iterdir() if file.is_file()):
            digest.update(f"{file.name}\0{file_hash(file)}\n".encode(errors="surrogateescape"))
        return digest.hexdigest()
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is a device or a pipe, not a file; name a file")
    left = path.stat().st_size  # Some files of the system have no end.
    with path.open("rb") as file:
        while left > 0 and (block := file.read(min(_BLOCK, left))):
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()


def refuse_unnameable(path: str, what: str) -> None:
    """Raises ValueError for a text that no file can be called."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError as error:
        raise ValueError(f"{what} is {path!r}, which no file can be called") from error
    if "\0" in path or not path:
        raise ValueError(f"{what} is {path!r}, which no file can be called")


def seen_from(result: Path, file: Path) -> str:
    """The path of a file as `result` notes it: relative, so that both can move together."""
    try:
        return Path(os.path.relpath(file.absolute(), result.absolute().parent)).as_posix()
    except ValueError:  # On another drive.
        return file.absolute().as_posix()


def files_of(method: Method) -> dict[str, tuple[Path, ...]]:
    """The files that a method's fields name, by the field."""
    found: dict[str, tuple[Path, ...]] = {}
    for field in fields(method):
        value = getattr(method, field.name)
        paths = (value,) if isinstance(value, Path) else value
        if isinstance(paths, tuple) and paths and all(isinstance(path, Path) for path in paths):
            found[field.name] = paths
    return found


def paths_of(recipe: "Recipe") -> list[Path]:
    """All files that a run reads."""
    inputs = recipe.inputs
    masks = inputs.mask.every_file if inputs.mask else ()
    refs = (inputs.video, *masks, inputs.control, *inputs.key_frames)
    own = [path for paths in files_of(recipe.method).values() for path in paths]
    return [*(Path(ref.path) for ref in refs if ref), *own]


def with_files(method: Method, files: Mapping[str, tuple[Path, ...]]) -> Method:
    """The same method with other files in its fields."""
    one = {name for name in files if isinstance(getattr(method, name), Path)}
    return replace(method, **{name: paths[0] if name in one else paths for name, paths in files.items()})


def noted(recipe: "Recipe", result: Path) -> "Recipe":
    """The recipe as a result carries it: with the paths of files as seen from there."""
    return renamed(recipe, lambda path: seen_from(result, path))


def renamed(recipe: "Recipe", name: Callable[[Path], str]) -> "Recipe":
    """The recipe with other names for its files."""

    def named(ref: Ref) -> Ref:
        return replace(ref, path=name(Path(ref.path)))

    def other(ref: Ref | None) -> Ref | None:
        return ref and named(ref)

    inputs, files = recipe.inputs, files_of(recipe.method)
    return replace(
        recipe,
        inputs=replace(
            inputs,
            video=other(inputs.video),
            mask=inputs.mask and inputs.mask.with_files(named),
            key_frames=tuple(filter(None, map(other, inputs.key_frames))),
            control=other(inputs.control),
        ),
        method=with_files(
            recipe.method,
            {field: tuple(Path(name(path)) for path in paths) for field, paths in files.items()},
        ),
    )


@dataclass(frozen=True)
class Finder:
    """Finds the files of a recipe."""

    base: Path
    """The folder that paths are seen from."""
    result: str | None = None
    """The name of the result that is made again; then its files may also be beside it."""

    def found(self, recipe: "Recipe") -> "Recipe":
        """The recipe with the paths of its files as they are now, and their SHA-256.

        Files that nobody has noted the SHA-256 of may be missing: whoever reads them says so.

        Raises:
            FileNotFoundError: If a file isn't there.
            ValueError: If what is there has changed.
        """
        inputs, files = recipe.inputs, self._files(recipe)
        moved = with_files(recipe.method, {name: paths for name, (paths, _) in files.items()})
        frames = tuple(self._ref(each, f"the edited frame {each.at}") for each in inputs.key_frames)
        return replace(
            recipe,
            inputs=replace(
                inputs,
                video=inputs.video and self._ref(inputs.video, "the source", "--source-file"),
                mask=inputs.mask and inputs.mask.with_files(lambda file: self._ref(file, "a mask")),
                key_frames=frames,
                control=inputs.control and self._ref(inputs.control, "the control video"),
            ),
            method=moved,
            files={name: hashes for name, (_, hashes) in files.items()},
        )

    def _files(self, recipe: "Recipe") -> dict[str, tuple[tuple[Path, ...], tuple[str | None, ...]]]:
        """Where the files of the method's fields are, and their hashes."""
        found: dict[str, tuple[tuple[Path, ...], tuple[str | None, ...]]] = {}
        for name, paths in files_of(recipe.method).items():
            for path in paths:
                refuse_unnameable(str(path), f"the {name}")
            what = {"motion": "the adapter", "motion_lora": "a motion LoRA"}.get(name, f"the {name}")
            if self.result is not None and name not in recipe.files:
                raise ValueError(
                    f"{self.result} doesn't tell the SHA-256 of {what} {paths[0]}; make it again"
                )
            hashes = recipe.files.get(name, (None,) * len(paths))
            each = [self._find(str(path), sha, what) for path, sha in zip(paths, hashes, strict=True)]
            found[name] = tuple(path for path, _ in each), tuple(sha for _, sha in each)
        return found

    def _ref(self, ref: Ref, what: str, option: str | None = None) -> Ref:
        path, sha256 = self._find(ref.path, ref.sha256, what, option)
        return replace(ref, path=str(path), sha256=sha256)

    def _find(
        self, path: str, sha256: str | None, what: str, option: str | None = None
    ) -> tuple[Path, str | None]:
        refuse_unnameable(path, what)
        places = self._places(path)
        if sha256 is not None:
            what = what if self.result is None else f"{what} of {self.result}"
            return _unchanged(places, sha256, what, option if self.result else None), sha256
        place = next((each for each in places if each.exists()), places[0])
        return place, file_hash(place) if place.exists() else None

    def _places(self, path: str) -> list[Path]:
        """Where a file may be: as noted, or beside the result."""
        if self.result is None:
            return [self.base / path]
        noted = Path(os.path.normpath(self.base.absolute() / path))
        return [noted, self.base.absolute() / noted.name]


def _unchanged(places: list[Path], sha256: str, what: str, option: str | None) -> Path:
    found = [each for each in dict.fromkeys(places) if each.exists()]
    if not found:
        raise FileNotFoundError(
            f"{what} is missing: there is no {' and no '.join(map(str, dict.fromkeys(places)))}; put it there"
            + (f", or name its place with {option}" if option else "")
        )
    for each in found:
        if file_hash(each) == sha256:
            return each
    raise ValueError(
        f"{found[0]} has changed since it was {what}: its SHA-256 isn't {sha256[:12]}...; "
        + (f"name the original with {option}" if option else "put the original there")
    )
