"""Rendered clips on the training device, as they come: pixels, masks and captions' tokens."""

import threading
import time
from pathlib import Path

import numpy as np
import parts
import torch
from captions import Captions
from render import BITS, CLIPS, FIRST_TRAINING_SEED, PIXELS
from tokenizer import LENGTH, tokenizer
from torch import Tensor

from rescene.world import Scene

FRAMES, SIZE = parts.FRAMES, parts.SIZE
PHRASINGS = 4
PATIENCE = 0.3
"""Seconds between two looks for new files."""


class Clips:
    """A ring of clips, which a thread fills from the renderer's folder as long as there are rows to spare.

    Attributes:
        count: Clips so far; clip k lies in row k % `room`.
        read: Clips that are no longer needed: their rows may be used again.
    """

    def __init__(self, folder: Path, room: int, device: torch.device, kept: int, most: int) -> None:
        self.folder, self.room, self.device, self.kept, self.most = folder, room, device, kept, most
        self.frames = torch.empty(room, FRAMES, SIZE, SIZE, 3, dtype=torch.uint8, device=device)
        self.bits = torch.empty(room, FRAMES, SIZE, SIZE // 8, dtype=torch.uint8, device=device)
        self.words = torch.zeros(most, PHRASINGS, LENGTH, dtype=torch.uint8, device=device)
        self.centres = np.empty((room, 2, 3), np.float32)  # x, y and size, in the first and in the last frame
        self.captions = Captions(tokenizer(), seed=1, dropped=0.0)
        self.count = self.read = 0
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Begins to load, in a thread that ends with the program."""
        threading.Thread(target=self._load, daemon=True).start()

    def wait(self, count: int) -> None:
        """Until that many clips are there."""
        while self.count < count:
            if self.failure is not None:
                raise self.failure
            time.sleep(0.1)

    def held_out(self, count: int) -> tuple[Tensor, Tensor, list[Scene]]:
        """The renderer's first clips, those that are not trained on: frames, masks as bits, scenes."""
        rows = []
        for first in range(0, count, CLIPS):
            file = self.folder / f"{first:08d}.npy"
            while not file.exists():
                time.sleep(PATIENCE)
            rows.append(np.load(file))
        frames, bits = self._parted(np.concatenate(rows)[:count])
        return frames, bits, [Scene.random(seed) for seed in range(count)]

    def _load(self) -> None:
        try:
            done: set[str] = set()
            while self.count + CLIPS <= self.most:
                names = sorted(file.name for file in self.folder.glob("*.npy"))
                fresh = [name for name in names if int(name[:-4]) >= FIRST_TRAINING_SEED and name not in done]
                for name in fresh:
                    self._take(self.folder / name)
                    done.add(name)
                time.sleep(PATIENCE)
        except BaseException as failure:
            self.failure = failure
            raise

    def _take(self, file: Path) -> None:
        """Empties the file if enough are kept already: a file of no bytes says that it was rendered."""
        if file.stat().st_size == 0 or self.count + CLIPS > self.most:
            return
        rows = np.load(file)
        while self.count + CLIPS - self.read > self.room:
            time.sleep(PATIENCE)
        first = self.count % self.room
        scenes = [Scene.random(seed) for seed in range(int(file.stem), int(file.stem) + CLIPS)]
        self.frames[first : first + CLIPS], self.bits[first : first + CLIPS] = self._parted(rows)
        self.centres[first : first + CLIPS] = [
            (scene.motion.place(0), scene.motion.place(1)) for scene in scenes
        ]
        self.words[self.count : self.count + CLIPS] = torch.stack([self._tokens(scene) for scene in scenes])
        self.count += CLIPS
        if self.count > self.kept:
            file.write_bytes(b"")

    def _parted(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        whole = torch.from_numpy(rows).to(self.device)
        frames, bits = whole.split([PIXELS, BITS], dim=1)
        return (
            frames.reshape(-1, FRAMES, SIZE, SIZE, 3),
            bits.reshape(-1, FRAMES, SIZE, SIZE // 8),
        )

    def _tokens(self, scene: Scene) -> Tensor:
        """Several phrasings of the scene's caption, [P, L]."""
        words = {name: getattr(scene, name) for name in ("object", "colour", "background", "style")}
        return self.captions([words] * PHRASINGS).to(torch.uint8)


class Cutter:
    """Draws crops of random clips, around the object, or whole ones."""

    def __init__(self, clips: Clips, seed: int) -> None:
        self.clips, self.draw = clips, np.random.default_rng(seed)

    def __call__(self, count: int, length: int, size: int) -> tuple[Tensor, Tensor]:
        """Frames [B, 3, T, h, w] in [-1, 1], masks [B, 1, T, h, w], h = w = size; some mirrored, faster."""
        draw, clips = self.draw, self.clips
        rows = draw.integers(0, min(clips.count, clips.room), count)
        strides = draw.integers(1, min(3, (FRAMES - 1) // max(length - 1, 1)) + 1, count)
        starts = (draw.random(count) * (FRAMES - strides * (length - 1))).astype(int)
        times = starts[:, None] + strides[:, None] * np.arange(length)
        when = times.mean(1, keepdims=True) / (FRAMES - 1)
        x, y, scale = (clips.centres[rows, 0] * (1 - when) + clips.centres[rows, 1] * when).T
        around = (draw.random((2, count)) - 0.5) * scale
        left, top = (
            np.clip((place + offset) * SIZE - size / 2, 0, SIZE - size).astype(int)
            for place, offset in zip((x, y), around, strict=True)
        )
        columns, lines = left[:, None] + np.arange(size), top[:, None] + np.arange(size)
        columns = np.where(draw.random((count, 1)) < 0.5, columns[:, ::-1], columns)
        return cut(clips, rows, times, lines, columns)


def cut(
    clips: Clips, rows: np.ndarray, times: np.ndarray, lines: np.ndarray, columns: np.ndarray
) -> tuple[Tensor, Tensor]:
    """Pixels and masks at these clips [B], times [B, T], lines [B, h] and columns [B, w]."""
    r, t, y, x = (
        torch.from_numpy(np.ascontiguousarray(a)).to(clips.device) for a in (rows, times, lines, columns)
    )
    where = r[:, None, None, None], t[:, :, None, None], y[:, None, :, None]
    across = x[:, None, None, :]
    bits = clips.bits[(*where, across >> 3)]
    masks = (bits >> (7 - (across & 7)).to(torch.uint8)) & 1
    return pixels(clips.frames[(*where, across)]), masks[:, None].float()


def pixels(frames: Tensor) -> Tensor:
    """Bytes [B, T, H, W, 3] as values in [-1, 1], [B, 3, T, H, W]."""
    return frames.permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def unpacked(bits: Tensor) -> Tensor:
    """Masks [B, 1, T, H, W] of bits [B, T, H, W / 8]."""
    shifts = torch.arange(7, -1, -1, device=bits.device, dtype=torch.uint8)
    return ((bits[..., None] >> shifts) & 1).flatten(-2)[:, None].float()
