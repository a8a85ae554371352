"""Results and what they say of themselves: a video, the same recipe in its comment and in a sidecar."""

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..methods import METHODS
from ..video import DigitalSourceType, Video, read_metadata
from ..video.files import check_target, replacing
from ..video.write import destination
from .recipe import Recipe


@dataclass(frozen=True, eq=False, kw_only=True)
class Result:
    """What a run has made."""

    path: str
    """As it was asked for."""
    recipe: Recipe
    """As the result tells it."""
    video: Video
    """What was written, before it was encoded; reading it may compute it again unless the host holds it."""
    seconds: float
    """For computing and writing, without loading the model."""

    @property
    def sidecar(self) -> Path:
        """The file with the recipe."""
        return sidecar(Path(self.path))

    def __str__(self) -> str:
        video = self.video
        what = f"{len(video)} frames of {video.width}x{video.height} in {self.seconds:.0f} s"
        return f"{self.path}  ({what})"


def sidecar(result: Path) -> Path:
    """Where the recipe of `result` is: NAME.json beside it."""
    return result.with_suffix(".json")


def check_result(path: str, *, overwrite: bool) -> None:
    """Fails where `write_result` would.

    Raises:
        ValueError: If the suffix is unknown.
        FileExistsError: If the result or its sidecar exists already.
        PermissionError: If its folder can't be written to.
    """
    destination(path, overwrite=overwrite)
    check_target(sidecar(Path(path)), folder=False, overwrite=overwrite)
    existing = next(folder for folder in Path(path).absolute().parents if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise PermissionError(f"{existing} can't be written to; choose another place for the result")


def refuse_input(path: str, inputs: Iterable[Path]) -> None:
    """Fails if a result would replace a file that it is made of, even where others may be replaced.

    Raises:
        FileExistsError: If the result or its sidecar is one of the inputs.
    """
    written = {Path(path).resolve(), sidecar(Path(path)).resolve()}
    for file in inputs:
        if file.resolve() in written:
            raise FileExistsError(f"{path} would replace {file}, which it is made of; choose another name")


def write_result(video: Video, path: str, recipe: Recipe, *, overwrite: bool = False) -> None:
    """Writes a video with its recipe and label, and its sidecar: both or neither.

    Args:
        video: The result.
        path: As for `Video.write`.
        recipe: What made it, with paths as seen from the result's folder; results of methods that aren't in
            `METHODS`, such as a benchmark's baselines, carry none.
        overwrite: Whether to replace what is there.
    """
    check_result(path, overwrite=overwrite)
    kind = DigitalSourceType.EDITED if recipe.inputs.video else DigitalSourceType.GENERATED
    if not any(type(recipe.method) in kinds.values() for kinds in METHODS.values()):
        video.write(path, overwrite=overwrite, label=recipe.label, source_type=kind)
        return
    target, text = Path(path), recipe.to_json()
    new = not target.exists()
    try:
        with replacing(sidecar(target), folder=False, room=len(text)) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
            video.write(path, overwrite=overwrite, label=recipe.label, settings=text, source_type=kind)
    except BaseException:
        # The video may be in place and the sidecar not: a signal can come between the two.
        if new and not sidecar(target).exists():
            _remove(target)
        raise


def read_recipe(path: Path) -> Recipe:
    """The recipe that a result or a sidecar carries.

    Raises:
        FileNotFoundError, ValueError: As `read_settings` and `Recipe.from_json`.
    """
    return Recipe.from_json(read_settings(path))


def read_settings(path: Path) -> str:
    """The text of the recipe that a result or a sidecar carries.

    Raises:
        FileNotFoundError: If there is nothing at `path`.
        ValueError: If it carries no settings.
    """
    if path.suffix.lower() == ".json" and path.is_file():
        return _text(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder; check the path")
    text = read_metadata(path).settings or ""
    if text.lstrip().startswith("{"):
        return text
    if sidecar(path).is_file():
        return _text(sidecar(path))
    raise ValueError(f"{path} carries no settings: rescene didn't write it, or another program removed them")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} carries no settings: it isn't text") from error


def _remove(target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
