"""Results and what they say of themselves: a video, the same recipe in its comment and in a sidecar."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..methods import METHODS
from ..typing import Frames
from ..video import DigitalSourceType, Metadata, Video, read_metadata
from ..video.clip import Wrapped
from ..video.files import check_target, refuse_inputs, replacing
from ..video.write import destination, rehearse
from .recipe import Recipe, parse

_MOST_TEXT = 4 << 20
"""Bytes of settings; a recipe has some thousands."""


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
        FileExistsError: If the result or its sidecar exists already, or the sidecar isn't one of ours.
        PermissionError: If its folder can't be written to.
    """
    destination(path, overwrite=overwrite)
    beside = sidecar(Path(path))
    check_target(beside, folder=False, overwrite=overwrite)
    if _is_foreign(beside):
        raise FileExistsError(
            f"{beside}, where the settings would go, isn't rescene's, so it is not replaced; "
            "choose another name for the result"
        )


def refuse_input(path: str, inputs: Sequence[Path]) -> None:
    """Fails if a result would replace a file that it is made of, even where others may be replaced.

    Raises:
        FileExistsError: If the result or its sidecar is one of the inputs.
    """
    refuse_inputs((Path(path), sidecar(Path(path))), inputs)


def rehearse_result(like: Video, path: str, recipe: Recipe, *, overwrite: bool) -> None:
    """Tries to write a result before it is computed.

    Args:
        like: A video of its size, rate and length, with its sound.
        path: As for `write_result`.
        recipe: As far as it is known.
        overwrite: Whether to replace what is there.

    Raises:
        ValueError, OSError: For what would refuse it.
    """
    metadata = Metadata(settings=recipe.to_json(), source_type=DigitalSourceType.EDITED)
    rehearse(like, path, overwrite=overwrite, label=recipe.label, metadata=metadata)


@contextmanager
def rescuing(video: Video, path: str) -> Iterator[Video]:
    """A block that writes a result: if that fails, its frames are saved losslessly beside it.

    Raises:
        OSError: If that was needed; it says where they are.
    """
    guarded = Guarded(video.clip)
    try:
        yield replace(video, clip=guarded)
    except Exception as error:
        if guarded.failed or (place := _rescued(video, Path(path))) is None:
            raise  # It couldn't be computed, or be written anywhere.
        raise OSError(
            f"{path} couldn't be written: {error}. What was computed is in {place}, losslessly and without "
            "sound"
        ) from error


@dataclass(frozen=True, eq=False)
class Guarded(Wrapped):
    """A clip that remembers whether its frames couldn't be made."""

    failed: list[BaseException] = field(default_factory=list)

    def read(self, start: int, stop: int) -> Frames:
        try:
            return self.clip.read(start, stop)
        except BaseException as error:
            self.failed.append(error)
            raise


def _rescued(video: Video, path: Path) -> Path | None:
    """Where the frames are now; None if they can't be written anywhere."""
    for folder in (path.absolute().parent, Path(tempfile.gettempdir())):
        number, place = 1, folder / f"{path.stem[:60]}-rescued.mkv"
        while place.exists():
            number += 1
            place = folder / f"{path.stem[:60]}-rescued-{number}.mkv"
        try:
            replace(video, audio=None).write(place)
        except (ValueError, OSError):
            continue
        return place
    return None


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
        with replacing(sidecar(target), folder=False, room=len(text), new=not overwrite) as temporary:
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


def _is_foreign(file: Path) -> bool:
    """Whether a file holds JSON of another program; what is no JSON is a damaged sidecar."""
    try:
        text = _text(file)
        json.loads(text)
    except RecursionError:
        return True
    except (ValueError, OSError):
        return False
    try:
        parse(text)
    except ValueError:
        return True
    return False


def _text(path: Path) -> str:
    if path.stat().st_size > _MOST_TEXT:
        raise ValueError(f"{path} carries no settings: it is too large for that")
    try:
        return path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} carries no settings: it isn't text") from error


def _remove(target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
