"""Videos to work on: uploads, checked before anything else touches them, and the clips that come along."""

import json
import re
import secrets
import shutil
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..video import Video
from ..video.media import FORMATS
from ..video.read import Cut, read_video
from .showing import filmstrip, write_playable

SUFFIXES = (".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi", ".gif")
LONGEST_NAME, LONGEST_SUFFIX = 60, 7
KEEP = 2 * 3600.0
"""Seconds for which an upload that nobody uses stays."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an upload may be."""

    megabytes: int = 200
    frames: int = 900
    """Half a minute at 30 frames a second."""
    side: int = 4096
    """Pixels."""
    seconds: int = 60
    """For decoding it all once."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A video that was checked and can be edited."""

    name: str
    """As people know it: never a path."""
    path: Path
    frames: int
    fps: float
    width: int
    height: int
    has_audio: bool
    playable: Path
    """A copy that browsers play."""
    filmstrip: Path
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def facts(self) -> dict[str, Any]:
        """What the page needs to show it."""
        names = ("id", "name", "frames", "fps", "width", "height")
        return {name: getattr(self, name) for name in names}


class Sources:
    """Uploads in a private folder; each is deleted when it hasn't been used for some hours."""

    def __init__(
        self,
        folder: Path,
        limits: Limits | None = None,
        *,
        keep: float = KEEP,
        in_use: Callable[[], set[str]] = set,
    ) -> None:
        """Makes the folder.

        Args:
            folder: Where uploads go; nobody else may read it.
            limits: What they may be.
            keep: Seconds after which one that nobody used is deleted.
            in_use: The ids of those that a job needs.
        """
        self.folder, self.limits, self._keep, self._in_use = folder, limits or Limits(), keep, in_use
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sources: dict[str, Source] = {}
        self._used: dict[str, float] = {}
        self._shipped: dict[Path, Source] = {}
        self._lock = threading.Lock()

    def get(self, name: object) -> Source:
        """The source of an id.

        Raises:
            ValueError: If there is none.
        """
        source = self._sources.get(name) if isinstance(name, str) else None
        if source is None:
            raise ValueError("choose a video first: drop one, or take an example")
        self._used[source.id] = time.monotonic()
        return source

    def at(self, path: Path) -> Source:
        """The source whose file this is.

        Raises:
            ValueError: If it has gone.
        """
        return self.get(next((each.id for each in list(self._sources.values()) if each.path == path), None))

    def shipped(self, path: Path) -> Source:
        """A clip that comes with rescene; browsers play it as it is."""
        with self._lock:
            if path not in self._shipped:
                self._shipped[path] = self._opened(path, path.name, self._folder(), playable=path)
        return self._keep_it(self._shipped[path])

    def strip(self, source: Source) -> Path:
        """Some frames of a source in a row, as a picture; made when first asked for."""
        with self._lock:
            if not source.filmstrip.exists():
                filmstrip(Video.read(source.path), source.filmstrip)
        return source.filmstrip

    def add(self, path: Path, name: str) -> Source:
        """Takes a file in: it is moved to the private folder, under a name of ours.

        Raises:
            ValueError: If it isn't a video, or exceeds the limits; the file is gone then.
        """
        self._forget_old()
        shown, folder = safe_name(name), path.parent
        try:
            self._check(path, shown)
            return self._keep_it(self._opened(path, shown, folder))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def copy(self, file: str | None) -> Source:
        """Takes in a copy of a file that Gradio received.

        Raises:
            ValueError: As `add`.
        """
        if file is None:
            raise ValueError("there is no video; send one")
        given = Path(file)
        self._check_bytes(given.stat().st_size, safe_name(given.name))
        place = self.place_for(given.name)
        shutil.copyfile(given, place)
        return self.add(place, given.name)

    async def receive(self, blocks: AsyncIterator[bytes], name: str) -> Path:
        """Writes an upload to the private folder as it comes in.

        Raises:
            ValueError: As soon as it is larger than it may be, or is of no known kind.
        """
        path, received = self.place_for(name), 0
        try:
            with path.open("wb") as file:
                async for block in blocks:
                    received += len(block)
                    self._check_bytes(received, safe_name(name))
                    file.write(block)
        except BaseException:
            shutil.rmtree(path.parent, ignore_errors=True)
            raise
        return path

    def place_for(self, name: str) -> Path:
        """Where a file of this name goes: of its name, only the kind is kept."""
        suffix = Path(safe_name(name)).suffix.lower()
        if suffix not in SUFFIXES:
            kinds = ", ".join(SUFFIXES)
            raise ValueError(f"{safe_name(name)} isn't a kind of video that is known here; those are {kinds}")
        return self._folder() / f"source{suffix}"

    def _folder(self) -> Path:
        folder = self.folder / secrets.token_hex(16)
        folder.mkdir(mode=0o700)
        return folder

    def _check_bytes(self, count: int, shown: str) -> None:
        if count > self.limits.megabytes << 20:
            raise ValueError(f"{shown} is larger than {self.limits.megabytes} MB; cut it, or scale it down")

    def _check(self, path: Path, shown: str) -> None:
        if not (count := path.stat().st_size):
            raise ValueError(f"{shown} is empty (0 bytes); copy it again")
        self._check_bytes(count, shown)
        bounds = {name: getattr(self.limits, name) for name in ("frames", "side", "seconds")}
        probe = Path(__file__).with_name("probe.py")
        command = [sys.executable, "-I", str(probe), str(path), FORMATS, json.dumps(bounds)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=2 * self.limits.seconds, check=False)
            report = json.loads(done.stdout)
        except (subprocess.TimeoutExpired, json.JSONDecodeError) as error:
            raise ValueError(f"{shown} is refused: it can't be decoded in bounded time and memory") from error
        if reason := report.get("refused"):
            raise ValueError(f"{shown} is refused: {reason}")

    def _opened(self, path: Path, name: str, folder: Path, playable: Path | None = None) -> Source:
        video = read_video(path, Cut(), hold=False)
        if playable is None:
            self._check_shown(video, name)
            playable = folder / "playable.mp4"
            write_playable(video, playable)
        return Source(
            name=name,
            path=path,
            frames=len(video),
            fps=float(video.fps),
            width=video.width,
            height=video.height,
            has_audio=video.audio is not None,
            playable=playable,
            filmstrip=folder / "strip.jpg",
        )

    def _check_shown(self, video: Video, shown: str) -> None:
        """Compares what is shown with the limits: tags can make it larger than what is stored."""
        most = self.limits
        if max(video.width, video.height) > most.side or len(video) > most.frames:
            bounds = (
                f"{most.frames} frames and {most.side} pixels a side are the most; scale it down or cut it"
            )
            raise ValueError(f"{shown} has {len(video)} frames of {video.width}x{video.height}: {bounds}")

    def _keep_it(self, source: Source) -> Source:
        self._sources[source.id], self._used[source.id] = source, time.monotonic()
        return source

    def _forget_old(self) -> None:
        needed = self._in_use() | {source.id for source in self._shipped.values()}
        for name, source in list(self._sources.items()):
            if name not in needed and time.monotonic() - self._used[name] > self._keep:
                del self._sources[name], self._used[name]
                shutil.rmtree(source.path.parent, ignore_errors=True)


def safe_name(name: str) -> str:
    """A file's name as it may be shown and used in other names: letters, digits, spaces and . _ - ( )."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFKC", name))[-1]
    stem, dot, suffix = re.sub(r"[^\w. ()-]+", "_", last).rpartition(".")
    stem, suffix = (stem, suffix) if dot else (suffix, "")
    shown = stem.strip(" ._-")[:LONGEST_NAME] or "video"
    return f"{shown}.{suffix[:LONGEST_SUFFIX]}" if suffix.isalnum() else shown
