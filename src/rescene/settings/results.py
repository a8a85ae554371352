"""Results and what they say of themselves: a video, the same settings in its comment and in a sidecar."""

import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

from ..video import Video, read_metadata
from ..video.files import check_target, replacing
from ..video.write import destination
from .generated import GeneratedSettings
from .propagated import PropagatedSettings
from .settings import Settings, parse

Made = Settings | GeneratedSettings | PropagatedSettings
"""What made a result: an edit by text, a generator, or edited frames."""
_BLOCK = 1 << 20


def sidecar(result: Path) -> Path:
    """Where the settings of `result` lie: NAME.json beside it."""
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


def write_result(
    video: Video,
    path: str,
    settings: Made,
    *,
    overwrite: bool = False,
) -> None:
    """Writes a video with its settings and label, and its sidecar: both or neither.

    Args:
        video: The result.
        path: As for `Video.write`.
        settings: What made it.
        overwrite: Whether to replace what is there.
    """
    check_result(path, overwrite=overwrite)
    target, text = Path(path), _with_motion_noted(settings, Path(path)).to_json()
    new = not target.exists()
    try:
        with replacing(sidecar(target), folder=False, room=len(text)) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
            video.write(
                path,
                overwrite=overwrite,
                label=settings.label,
                settings=text,
                source_type=settings.source_type,
            )
    except BaseException:
        # The video may be in place and the sidecar not: a signal can come between the two.
        if new and not sidecar(target).exists():
            _remove(target)
        raise


def read_settings(path: Path) -> str:
    """The settings that a result or a sidecar carries.

    Raises:
        FileNotFoundError: If there is nothing at `path`.
        ValueError: If it carries no settings.
    """
    if path.suffix.lower() == ".json" and path.is_file():
        return path.read_text(encoding="utf-8").strip()
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder; check the path")
    text = read_metadata(path).settings or ""
    if text.lstrip().startswith("{"):
        return text
    if sidecar(path).is_file():
        return sidecar(path).read_text(encoding="utf-8").strip()
    raise ValueError(f"{path} carries no settings: rescene didn't write it, or another program removed them")


def file_hash(path: Path) -> str:
    """SHA-256 of a file, or of the names and hashes of a folder's files."""
    digest = hashlib.sha256()
    if path.is_dir():
        for file in sorted(file for file in path.iterdir() if file.is_file()):
            digest.update(f"{file.name}\0{file_hash(file)}\n".encode())
        return digest.hexdigest()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def seen_from(result: Path, source: Path) -> str:
    """The path of `source` as it is to be noted in `result`: relative, so that both can move together."""
    try:
        return Path(os.path.relpath(source.absolute(), result.absolute().parent)).as_posix()
    except ValueError:  # On another drive.
        return source.absolute().as_posix()


def read_made(text: str) -> Made:
    """The settings in a text: only propagated ones have key frames, and only generated ones no source.

    Raises:
        ValueError: If they are none of these.
    """
    values = parse(text)
    if "key_frames" in values:
        return PropagatedSettings.from_json(text)
    return (Settings if "source" in values else GeneratedSettings).from_json(text)


def find_source(settings: Settings | PropagatedSettings, result: Path, place: Path | None = None) -> Path:
    """The source of a result: at `place` if given, else where its settings say, or beside it.

    Raises:
        FileNotFoundError: If it isn't there.
        ValueError: If what is there has changed.
    """
    noted, name = _places(settings.source.path, result), "--source-file"
    return _unchanged(
        [place] if place else noted, settings.source.sha256, f"the source of {result.name}", name
    )


def find_key_frames(settings: PropagatedSettings, result: Path) -> dict[int, Path]:
    """The edited frames of a result by the frames that they replaced; raises as `find_source`."""
    return {
        frame.at: _unchanged(
            _places(frame.path, result), frame.sha256, f"the edited frame {frame.at} of {result.name}"
        )
        for frame in settings.key_frames
    }


def find_motion_loras(settings: PropagatedSettings, result: Path) -> tuple[Path, ...]:
    """The motion LoRAs of a result; raises as `find_source`."""
    return tuple(
        _unchanged(_places(str(path), result), sha256, f"a motion LoRA of {result.name}")
        for path, sha256 in zip(settings.edit.motion_lora, settings.motion_loras, strict=True)
    )


def with_motion_found(settings: Made, result: Path) -> Made:
    """The settings of a result, its adapter where it lies now; raises as `find_source`."""
    if isinstance(settings, PropagatedSettings) or (motion := _motion(settings)) is None:
        return settings
    if settings.motion is None:
        raise ValueError(f"{result.name} doesn't tell the SHA-256 of its adapter {motion}; make it again")
    return _moved(
        settings, _unchanged(_places(str(motion), result), settings.motion, f"the adapter of {result.name}")
    )


def _with_motion_noted(settings: Made, result: Path) -> Made:
    """The settings as a result carries them: with its adapter's hash, and its place as seen from there."""
    if isinstance(settings, PropagatedSettings) or (motion := _motion(settings)) is None:
        return settings
    return replace(_moved(settings, Path(seen_from(result, motion))), motion=file_hash(motion))


def _motion(settings: Settings | GeneratedSettings) -> Path | None:
    made = settings.generator if isinstance(settings, GeneratedSettings) else settings.edit
    motion = getattr(made, "motion", None)
    return motion if isinstance(motion, Path) else None  # Text to video's says whether there is any.


def _moved(settings: Settings | GeneratedSettings, motion: Path) -> Settings | GeneratedSettings:
    if isinstance(settings, GeneratedSettings):
        return replace(settings, generator=replace(settings.generator, motion=motion))  # pyright: ignore
    return replace(settings, edit=replace(settings.edit, motion=motion))  # pyright: ignore


def _places(path: str, result: Path) -> list[Path]:
    """Where what a result was made from may lie: as noted, or beside the result."""
    noted = Path(os.path.normpath(result.absolute().parent / path))
    return [noted, result.absolute().parent / noted.name]


def _unchanged(places: list[Path], sha256: str, what: str, option: str | None = None) -> Path:
    found = [each for each in places if each.exists()]
    if not found:
        raise FileNotFoundError(
            f"{what} is missing: there is no {' and no '.join(map(str, places))}; put it there"
            + (f", or name its place with {option}" if option else "")
        )
    for each in found:
        if file_hash(each) == sha256:
            return each
    raise ValueError(
        f"{found[0]} has changed since it was {what}: its SHA-256 isn't {sha256[:12]}...; "
        + (f"name the original with {option}" if option else "put the original there")
    )


def _remove(target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
